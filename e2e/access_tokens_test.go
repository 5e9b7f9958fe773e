package e2e

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
)

// forgedTokens are tokens of an administrator's claims that the issuer did not sign, or
// not in the way that it signs: whoever verifies one has believed the token about its
// own key or algorithm.
func forgedTokens(t *testing.T, real, evil *issuer, claims map[string]any) (cases []accessCase) {
	t.Helper()
	// Whoever fetches keys from where a token says has fetched them from here.
	fetched := make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fetched <- r.URL.Path
		http.ServeFile(w, r, evil.keysFile)
	}))
	t.Cleanup(func() {
		server.Close()
		close(fetched)
		for path := range fetched {
			t.Errorf("%s was fetched because a token said so", path)
		}
	})

	encode := base64.RawURLEncoding.EncodeToString
	text := func(v any) string {
		b, err := json.Marshal(v)
		require.NoError(t, err)
		return encode(b)
	}
	payload := text(claims)
	// byHand signs any header, as text, with ES256.
	byHand := func(key *ecdsa.PrivateKey, header string) string {
		signed := encode([]byte(header)) + "." + payload
		digest := sha256.Sum256([]byte(signed))
		r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
		require.NoError(t, err)
		return signed + "." + encode(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
	}
	add := func(name, token string) {
		cases = append(cases, accessCase{"forged: " + name, "Bearer " + token, "", asStranger})
	}

	evilKey, err := json.Marshal(jose.JSONWebKey{Key: &evil.key.PublicKey, KeyID: "k1", Algorithm: "ES256", Use: "sig"})
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "issuer.test"}, NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &evil.key.PublicKey, evil.key)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(&real.key.PublicKey)
	require.NoError(t, err)
	keys, err := os.ReadFile(real.keysFile)
	require.NoError(t, err)
	point, err := real.key.PublicKey.Bytes()
	require.NoError(t, err)

	// Another's key, and a header that leads to it or away from ours.
	for name, header := range map[string]string{
		"jwk with another's key":       `{"alg":"ES256","kid":"k1","jwk":` + string(evilKey) + `}`,
		"jwk without a kid":            `{"alg":"ES256","jwk":` + string(evilKey) + `}`,
		"jku":                          `{"alg":"ES256","kid":"k1","jku":"` + server.URL + `/jku"}`,
		"jku behind our issuer":        `{"alg":"ES256","kid":"k1","jku":"` + issuerOfTokens + `@` + strings.TrimPrefix(server.URL, "http://") + `/jku"}`,
		"jku to a file":                `{"alg":"ES256","kid":"k1","jku":"file://` + evil.keysFile + `"}`,
		"x5u":                          `{"alg":"ES256","kid":"k1","x5u":"` + server.URL + `/x5u"}`,
		"x5c":                          `{"alg":"ES256","kid":"k1","x5c":["` + base64.StdEncoding.EncodeToString(certificate) + `"]}`,
		"x5t":                          `{"alg":"ES256","x5t":"` + encode(certificate[:20]) + `"}`,
		"kid of nobody":                `{"alg":"ES256","kid":"k2"}`,
		"an empty kid":                 `{"alg":"ES256","kid":""}`,
		"no kid":                       `{"alg":"ES256"}`,
		"kid that is a path":           `{"alg":"ES256","kid":"../../../../dev/null"}`,
		"kid that is a file of keys":   `{"alg":"ES256","kid":"` + evil.keysFile + `"}`,
		"kid that is an address":       `{"alg":"ES256","kid":"` + server.URL + `/kid"}`,
		"kid that is SQL":              `{"alg":"ES256","kid":"x' UNION SELECT 'k1"}`,
		"kid that is a list":           `{"alg":"ES256","kid":["k1"]}`,
		"kid that is a number":         `{"alg":"ES256","kid":1}`,
		"kid that is null":             `{"alg":"ES256","kid":null}`,
		"kid twice":                    `{"alg":"ES256","kid":"k2","kid":"k1"}`,
		"kid with NUL":                 `{"alg":"ES256","kid":"k1\u0000"}`,
		"kid of 100,000 bytes":         `{"alg":"ES256","kid":"` + strings.Repeat("k", 100_000) + `"}`,
		"another's key as it is":       `{"alg":"ES256","kid":"k1"}`,
		"another's key, and a nesting": `{"alg":"ES256","kid":"k1","cty":"JWT","typ":"at+jwt"}`,
	} {
		add(name, byHand(evil.key, header))
	}
	// Our key, and a header that must not be accepted whatever signed it.
	for name, header := range map[string]string{
		"crit of an unknown word":      `{"alg":"ES256","kid":"k1","crit":["admin"],"admin":true}`,
		"crit without the word":        `{"alg":"ES256","kid":"k1","crit":["admin"]}`,
		"crit of b64":                  `{"alg":"ES256","kid":"k1","crit":["b64"],"b64":false}`,
		"RS256 with a signature of EC": `{"alg":"RS256","kid":"k1"}`,
		"PS256":                        `{"alg":"PS256","kid":"k1"}`,
		"ES384":                        `{"alg":"ES384","kid":"k1"}`,
		"EdDSA":                        `{"alg":"EdDSA","kid":"k1"}`,
		"HS256 with a signature of EC": `{"alg":"HS256","kid":"k1"}`,
		"none with a signature":        `{"alg":"none","kid":"k1"}`,
		"alg with a space":             `{"alg":"ES256 ","kid":"k1"}`,
		"alg in small letters":         `{"alg":"es256","kid":"k1"}`,
		"alg that is a list":           `{"alg":["ES256"],"kid":"k1"}`,
		"alg that is null":             `{"alg":null,"kid":"k1"}`,
		"no alg":                       `{"kid":"k1"}`,
		"a header that is a list":      `["ES256"]`,
		"a header that is cut":         `{"alg":"ES256","kid":"k1"`,
	} {
		add(name, byHand(real.key, header))
	}
	// Everybody knows the public key: it is no secret, in any form.
	for name, secret := range map[string][]byte{
		"as DER": der, "as PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "as PEM without its end": []byte(strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))),
		"as the file of keys": keys, "as a point": point, "x": point[1:33], "of zeros": make([]byte, 64),
	} {
		for _, algorithm := range []jose.SignatureAlgorithm{jose.HS256, jose.HS384, jose.HS512} {
			if padded := append(secret[:len(secret):len(secret)], make([]byte, max(0, 64-len(secret)))...); len(padded) > 0 {
				add(fmt.Sprintf("%s with the public key %s", algorithm, name), signWith(t, algorithm, padded, claims))
			}
		}
	}
	// Signatures that fit whatever was signed, where they are not looked at well.
	head := text(map[string]string{"alg": "ES256", "kid": "k1"}) + "." + payload
	order := real.key.Params().N.Bytes()
	for name, signature := range map[string][]byte{
		"zeros": make([]byte, 64), "nothing": {}, "one byte": {0}, "the order of the curve": append(order[:len(order):len(order)], order...),
		"ones": append(big.NewInt(1).FillBytes(make([]byte, 32)), big.NewInt(1).FillBytes(make([]byte, 32))...), "twice as long": make([]byte, 128), "ASN.1 of zeros": {0x30, 6, 2, 1, 0, 2, 1, 0},
	} {
		add("a signature of "+name, head+"."+encode(signature))
	}
	for _, none := range []string{"none", "None", "NONE", "nOnE", "none ", ""} {
		add(fmt.Sprintf("alg %q and no signature", none), text(map[string]string{"alg": none, "kid": "k1"})+"."+payload+".")
	}
	// Other forms of the same.
	good := byHand(real.key, `{"alg":"ES256","kid":"k1"}`)
	parts := strings.Split(good, ".")
	full := `{"payload":"` + payload + `","signatures":[{"protected":"` + text(map[string]string{"alg": "none"}) + `","signature":""},{"protected":"` + parts[0] + `","signature":"` + parts[2] + `"}]}`
	for name, token := range map[string]string{
		"JSON with two signatures": full, "JSON in base64": encode([]byte(full)), "four parts": good + "." + parts[2], "two parts": parts[0] + "." + parts[1], "five parts of nothing": "....",
		"parts changed about": parts[1] + "." + parts[0] + "." + parts[2], "padding": parts[0] + "=." + parts[1] + "." + parts[2], "JWE": text(map[string]string{"alg": "dir", "enc": "A256GCM"}) + ".." + parts[1] + "." + parts[2] + ".",
	} {
		add(name, token)
	}
	// Claims that are signed and not for us, or not now.
	for name, change := range map[string]map[string]any{
		"aud that begins as ours": {"aud": audienceOfTokens + "-other"}, "aud that is a part of ours": {"aud": audienceOfTokens[:3]}, "aud in other letters": {"aud": strings.ToUpper(audienceOfTokens)},
		"no aud": {"aud": nil}, "an empty list of aud": {"aud": []string{}}, "a list of others": {"aud": []string{"mail", "chat"}},
		"iss with a slash": {"iss": issuerOfTokens + "/"}, "iss in other letters": {"iss": strings.ToUpper(issuerOfTokens)}, "iss that is longer": {"iss": issuerOfTokens + ".evil.test"}, "no iss": {"iss": nil},
		"not before tomorrow": {"nbf": time.Now().Add(24 * time.Hour).Unix()}, "ended at 0": {"exp": 0}, "ended below 0": {"exp": -1}, "an end that is no number": {"exp": "tomorrow"},
	} {
		changed := map[string]any{}
		for key, value := range claims {
			changed[key] = value
		}
		for key, value := range change {
			changed[key] = value
			if value == nil {
				delete(changed, key)
			}
		}
		add(name, real.sign(changed))
	}
	return cases
}
