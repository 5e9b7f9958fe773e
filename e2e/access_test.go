package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// audience is who an endpoint is for.
type audience int

const (
	admins     audience = iota // administrators
	own                        // everybody, about their own usage
	authorised                 // whoever the authenticator lets in
)

// endpoints says for whom each path of the contract is. A path that is in one
// of the two only fails the test.
var endpoints = map[string]audience{
	"/api/admin/usage":         admins,
	"/api/admin/usage/records": admins,
	"/api/admin/usage/export":  admins,
	"/api/admin/sessions":      admins,
	"/api/admin/users":         admins,
	"/api/admin/models":        admins,
	"/api/admin/bill":          admins,
	"/api/admin/forecast":      admins,
	"/api/admin/advice":        admins,
	"/api/admin/budgets":       admins,
	"/api/admin/plans":         admins,
	"/api/usage":               own,
	"/api/usage/records":       own,
	"/api/usage/export":        own,
	"/api/usage/sessions":      own,
	"/api/usage/budgets":       own,
	"/api/usage/plans":         own,
	"/api/usage/forecast":      own,
	"/api/openapi.json":        authorised,
	"/api/version":             authorised,
}

// statuses are the answers to a caller, by the audience of the endpoint.
type statuses [3]int

var (
	asAdmin      = statuses{200, 200, 200}
	asUser       = statuses{403, 200, 200}
	asNameless   = statuses{200, 403, 200} // an administrator who is no user
	asNobody     = statuses{403, 403, 403} // let in, but nobody knows as whom
	asStranger   = statuses{401, 401, 401}
	asNilUser    = statuses{403, 403, 200}
	notForOthers = statuses{403, 403, 400} // a user who names somebody else
	notTwice     = statuses{403, 400, 400} // a user who names two
	notAtAll     = statuses{400, 400, 400} // an administrator who does
)

// accessCase is a caller and a question about a user.
type accessCase struct {
	name, authorization, query string
	want                       statuses
}

const audienceOfTokens, issuerOfTokens = "usage", "https://issuer.test"

// claimsOf is a good token's content; more replaces or, with nil, removes.
func claimsOf(subject string, more map[string]any) map[string]any {
	now := time.Now()
	claims := map[string]any{
		"iss": issuerOfTokens, "aud": audienceOfTokens, "sub": subject, "groups": []string{"staff"},
		"iat": now.Add(-2 * time.Hour).Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	maps.Copy(claims, more)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	return claims
}

func oidcCases(t *testing.T) (configuration string, cases []accessCase) {
	t.Helper()
	i, otherIssuer := newIssuer(t), newIssuer(t)
	signed := func(subject string, more map[string]any) string { return "Bearer " + i.sign(claimsOf(subject, more)) }
	boss := claimsOf("boss", map[string]any{"groups": []string{"usage-admins"}})
	good := i.sign(boss)
	parts := strings.Split(good, ".")
	encode := base64.RawURLEncoding.EncodeToString
	content := func(claims map[string]any) string {
		text, err := json.Marshal(claims)
		require.NoError(t, err)
		return encode(text)
	}
	publicKey, err := x509.MarshalPKIXPublicKey(&i.key.PublicKey)
	require.NoError(t, err)
	publicKey = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicKey})
	admin := map[string]any{"groups": []string{"staff", "usage-admins"}}
	ada := signed("ada", nil)

	return `
  oidc: {providers: [{issuer_url: '` + issuerOfTokens + `', audience: ` + audienceOfTokens + `, groups_claim: groups, public_keys_file: '` + i.keysFile + `'}]}`,
		append(forgedTokens(t, i, otherIssuer, boss), []accessCase{
			{"no credentials", "", "", asStranger},
			{"an empty token", "Bearer ", "", asStranger},
			{"not a token", "Bearer x", "", asStranger},
			{"basic credentials", "Basic " + base64.StdEncoding.EncodeToString([]byte("boss:boss")), "", asStranger},
			{"expired", signed("boss", map[string]any{"groups": admin["groups"], "exp": time.Now().Add(-time.Hour).Unix()}), "", asStranger},
			{"without an end", signed("boss", map[string]any{"groups": admin["groups"], "exp": nil}), "", asStranger},
			{"other issuer", signed("boss", map[string]any{"groups": admin["groups"], "iss": "https://evil.test"}), "", asStranger},
			{"other audience", signed("boss", map[string]any{"groups": admin["groups"], "aud": "mail"}), "", asStranger},
			{"other key", "Bearer " + otherIssuer.sign(boss), "", asStranger},
			{"alg none", "Bearer " + encode([]byte(`{"alg":"none","typ":"JWT","kid":"k1"}`)) + "." + content(boss) + ".", "", asStranger},
			{"alg none in other letters", "Bearer " + encode([]byte(`{"alg":"nOnE"}`)) + "." + content(boss) + ".", "", asStranger},
			{"the public key as a secret", "Bearer " + signWith(t, jose.HS256, publicKey, boss), "", asStranger},
			{"changed after signing", "Bearer " + parts[0] + "." + content(claimsOf("boss", map[string]any{"groups": []string{"usage-admins", "x"}})) + "." + parts[2], "", asStranger},
			{"signature cut off", "Bearer " + parts[0] + "." + parts[1] + ".", "", asStranger},

			{"admin by group", "Bearer " + good, "", asAdmin},
			{"admin by subject", signed("root@example.com", nil), "", asAdmin},
			{"admin naming two users", "Bearer " + good, "userId=ada&userId=grace", notAtAll},
			{"admin with an empty filter", "Bearer " + good, "userId=", notAtAll},
			{"user", ada, "", asUser},
			{"user without the claim of groups, which oidc refuses", signed("ada", map[string]any{"groups": nil}), "", asStranger},
			{"user of no group", signed("ada", map[string]any{"groups": []string{}}), "", asUser},
			{"user asking for another user", ada, "userId=grace", notForOthers},
			{"user asking for another user by UUID", ada, "userId=" + usage.UserID("grace").String(), notForOthers},
			{"user asking for what is nobody's", ada, "userId=unattributed", notForOthers},
			{"user asking for themselves and another", ada, "userId=ada&userId=grace", notTwice},
			{"user asking for another and themselves", ada, "userId=grace&userId=ada", notTwice},
			{"user with an empty filter", ada, "userId=", notTwice},
			{"user with a filter in other letters", ada, "userid=grace", notTwice},
			{"user with a semicolon", ada, "userId=ada;userId=grace", notTwice},

			{"crafted: a longer group", signed("ada", map[string]any{"groups": []string{"usage-admins-not", "not-usage-admins"}}), "", asUser},
			{"crafted: other letters", signed("ada", map[string]any{"groups": []string{"Usage-Admins", "usage-admins "}}), "", asUser},
			{"crafted: a list in a text", signed("ada", map[string]any{"groups": "staff,usage-admins"}), "", asUser},
			{"crafted: a group inside a group", signed("ada", map[string]any{"groups": []any{[]string{"usage-admins"}}}), "", asUser},
			{"crafted: the name of the attribute as a claim", signed("ada", map[string]any{"membership": []string{"usage-admins"}}), "", asUser},
			{"crafted: other claims", signed("ada", map[string]any{"roles": "usage-admins", "admin": true, "email": "root@example.com", "preferred_username": "root@example.com", "username": "root@example.com"}), "", asUser},
			{"crafted: a subject that is a list", signed("", map[string]any{"sub": []string{"ada", "grace"}}), "", asStranger},
			{"crafted: no subject", signed("", map[string]any{"sub": nil}), "", asNobody},
			{"crafted: an empty subject", signed("", nil), "", asNobody},
			{"crafted: the user that means none", signed(usage.ID{}.String(), nil), "", asNilUser},
			{"crafted: SQL as a subject", signed("' OR user_id IS NOT NULL --", nil), "", asUser},
		}...)
}

func basicCases() (configuration string, cases []accessCase) {
	login := func(user, password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	return `
  basicauth: {htpasswd: {inline: "boss:secret1\nada:secret2\ngrace:secret3"}}`,
		[]accessCase{
			{"no credentials", "", "", asStranger},
			{"wrong password", login("boss", "wrong"), "", asStranger},
			{"empty password", login("boss", ""), "", asStranger},
			{"another's password", login("boss", "secret2"), "", asStranger},
			{"unknown user", login("nobody", "secret1"), "", asStranger},
			{"not base64", "Basic %%%", "", asStranger},
			{"a token", "Bearer secret1", "", asStranger},
			{"admin", login("boss", "secret1"), "", asAdmin},
			{"user", login("ada", "secret2"), "", asUser},
			{"user asking for another user", login("ada", "secret2"), "userId=grace", notForOthers},
			{"user asking for themselves and another", login("ada", "secret2"), "userId=ada&userId=grace", notTwice},
		}
}

func bearerCases() (configuration string, cases []accessCase) {
	return `
  bearertokenauth: {token: open-sesame}`,
		[]accessCase{
			{"no credentials", "", "", asStranger},
			{"wrong token", "Bearer open-sesam", "", asStranger},
			{"longer token", "Bearer open-sesame-2", "", asStranger},
			{"the token, which names nobody", "Bearer open-sesame", "", asNameless},
		}
}

// TestAccessMatrix asks every endpoint of the contract as everybody, with GET
// and HEAD, through the real authenticators: exactly those who may are
// answered, and a user's answers hold nothing of anybody else.
func TestAccessMatrix(t *testing.T) {
	t.Parallel()
	pool, dsn := newDatabase(t)
	oidc, asOIDC := oidcCases(t)
	basic, asBasic := basicCases()
	bearer, asBearer := bearerCases()
	byAuthenticator := map[string][]accessCase{"oidc": asOIDC, "basicauth": asBasic, "bearertokenauth": asBearer}
	extensions, names := oidc+basic+bearer, ", oidc, basicauth, bearertokenauth"
	addresses := map[string]string{}
	for name, access := range map[string]string{
		"oidc":            "{subject: claims.sub, admin: {attribute: membership, values: [usage-admins]}, admin_subjects: [root@example.com]}",
		"basicauth":       "{admin_subjects: [boss]}",
		"bearertokenauth": "{bearer_is_admin: true}",
	} {
		addresses[name] = freeAddress(t)
		extensions += `
  usage_api/` + name + `: {dsn: "${env:DATABASE_URL}", rate_limit: {requests_per_minute: 0, failed_logins_per_minute: 0}, access: ` + access + `, http: {endpoint: '` + addresses[name] + `', auth: {authenticator: ` + name + `}}}`
		names += ", usage_api/" + name
	}
	c := start(t, configuration{processor: "    prices: {builtin: openai-2024}", extensions: extensions, extNames: names}.String(), dsn)
	sendOneCallEach(t, c, "ada", "ada", "grace", "")
	waitForRows(t, pool, 4)

	status, contract := c.get("/api/openapi.json", "")
	require.Equal(t, 200, status)
	paths := slices.Sorted(maps.Keys(contract["paths"].(map[string]any)))
	require.Equal(t, slices.Sorted(maps.Keys(endpoints)), paths, "the paths of the contract and the rows of the matrix")

	for authenticator, cases := range byAuthenticator {
		for _, a := range cases {
			t.Run(authenticator+"/"+a.name, func(t *testing.T) {
				t.Parallel()
				for path, forWhom := range endpoints {
					for _, method := range []string{http.MethodGet, http.MethodHead} {
						url := "http://" + addresses[authenticator] + path + "?" + a.query
						answer, body := request(t, method, strings.TrimSuffix(url, "?"), a.authorization)
						want := a.want[forWhom]
						held := assert.Equal(t, want, answer.StatusCode, "%s %s: %s", method, path, body)
						if answer.StatusCode != 200 {
							held = assert.Equal(t, "application/problem+json", answer.Header.Get("Content-Type"), path) && held
							held = assert.NotContains(t, body, "totalCost") && held
						}
						if answer.StatusCode == 401 {
							held = assert.NotEmpty(t, answer.Header.Get("WWW-Authenticate")) && held
						}
						if a.want[admins] != 200 {
							held = assert.NotContains(t, body, usage.UserID("grace").String(), "%s %s", method, path) && held
						}
						var err error
						if !held {
							err = fmt.Errorf("answered with %s", answer.Status)
						}
						attempt(t, authenticator+", "+a.name+": "+method+" "+url, err)
					}
				}
			})
		}
	}
	t.Cleanup(func() {
		for _, secret := range []string{"secret1", "secret2", "open-sesame", "eyJ"} {
			assert.NotContains(t, c.log.String(), secret)
		}
	})

	_, all := request(t, "GET", "http://"+addresses["bearertokenauth"]+"/api/admin/usage", "Bearer open-sesame")
	assert.Contains(t, all, `{"current":{"totalCost":0.0018,`)
	for user, want := range map[string]string{"ada:secret2": "0.0009", "grace:secret3": "0.00045", "boss:secret1": "0"} {
		_, mine := request(t, "GET", "http://"+addresses["basicauth"]+"/api/usage", "Basic "+base64.StdEncoding.EncodeToString([]byte(user)))
		assert.Contains(t, mine, `{"current":{"totalCost":`+want+`,`, user)
	}
}

// request sends one request and reads the whole answer.
func request(t testing.TB, method, url, authorization string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	require.NoError(t, err)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer, string(body)
}

// issuer signs tokens as an OpenID provider does.
type issuer struct {
	t        *testing.T
	key      *ecdsa.PrivateKey
	keysFile string
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "k1", Algorithm: "ES256", Use: "sig"}}})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "jwks.json")
	require.NoError(t, os.WriteFile(file, keys, 0o600))
	return &issuer{t: t, key: key, keysFile: file}
}

func (i *issuer) sign(claims map[string]any) string { return signWith(i.t, jose.ES256, i.key, claims) }

func signWith(t testing.TB, algorithm jose.SignatureAlgorithm, key any, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", "k1"))
	require.NoError(t, err)
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	require.NoError(t, err)
	return token
}
