package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// access is one question to the API and how it has to be answered.
type access struct {
	path, login string
	status      int
}

func sendOneCallEach(t *testing.T, c *collector, users ...string) {
	t.Helper()
	payload := ptrace.NewTraces()
	spans := payload.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for i, user := range users {
		span := chatSpan(spans.AppendEmpty(), 100, byte(i))
		if user != "" {
			span.Attributes().PutStr("user.id", user)
		}
	}
	require.NoError(t, c.sendHTTP(payload))
}

func dollars(t *testing.T, answer map[string]any) string {
	t.Helper()
	current, ok := answer["current"].(map[string]any)
	require.True(t, ok, "%v", answer)
	d, err := decimal.NewFromString(current["totalCost"].(json.Number).String())
	require.NoError(t, err)
	return d.String()
}

func TestWithBasicAuthAUserSeesOnlyTheirOwnUsage(t *testing.T) {
	t.Parallel()
	pool, dsn := newDatabase(t)
	c := start(t, configuration{
		processor:  "    prices: {builtin: openai-2024}",
		extensions: "  basicauth: {htpasswd: {inline: \"admin:secret1\\nada:secret2\\ngrace:secret3\"}}",
		extNames:   ", basicauth",
		api:        "    access: {subject: username, admin: {attribute: username, values: [admin]}}",
		apiHTTP:    "      auth: {authenticator: basicauth}",
	}.String(), dsn)
	sendOneCallEach(t, c, "ada", "ada", "grace", "")
	waitForRows(t, pool, 4)

	for _, a := range []access{
		{"/api/admin/usage", "", 401},
		{"/api/admin/usage", "admin:wrong", 401},
		{"/api/admin/usage", "ada:secret2", 403},
		{"/api/admin/users", "ada:secret2", 403},
		{"/api/admin/usage", "admin:secret1", 200},
		{"/api/admin/users", "admin:secret1", 200},
		{"/api/usage", "", 401},
		{"/api/usage", "ada:secret2", 200},
		{"/api/usage?userId=grace", "ada:secret2", 403},
	} {
		status, answer := c.get(a.path, a.login)
		assert.Equal(t, a.status, status, "GET %s as %q: %v", a.path, a.login, answer)
	}
	_, answer := c.get("/api/admin/usage", "admin:secret1")
	assert.Equal(t, "0.0018", dollars(t, answer))
	_, answer = c.get("/api/usage", "ada:secret2")
	assert.Equal(t, "0.0009", dollars(t, answer))
	_, answer = c.get("/api/usage", "grace:secret3")
	assert.Equal(t, "0.00045", dollars(t, answer))
	assert.NotContains(t, c.log.String(), "secret1")
}

func TestTheAdminAnswerHasTheContractsShapeAndAddsUp(t *testing.T) {
	t.Parallel()
	pool, dsn := newDatabase(t)
	c := start(t, configuration{processor: "    prices: {builtin: openai-2024}"}.String(), dsn)
	sendOneCallEach(t, c, "ada", "grace", "")
	waitForRows(t, pool, 3)

	today := time.Now().UTC()
	status, answer := c.get("/api/admin/usage?"+url.Values{
		"startDate": {today.AddDate(0, 0, -6).Format(time.DateOnly)}, "endDate": {today.Format(time.DateOnly)},
	}.Encode(), "")
	require.Equal(t, 200, status, answer)
	for _, period := range []string{"current", "previous"} {
		part, ok := answer[period].(map[string]any)
		require.True(t, ok, period)
		for _, key := range []string{"totalCost", "usageByType", "usageByUser", "dailyUsage"} {
			assert.Contains(t, part, key, period)
		}
		total := decimal.RequireFromString(part["totalCost"].(json.Number).String())
		for _, key := range []string{"usageByType", "usageByUser"} {
			sum := decimal.Zero
			for _, cost := range part[key].(map[string]any) {
				sum = sum.Add(decimal.RequireFromString(cost.(json.Number).String()))
			}
			assert.True(t, total.Equal(sum), "%s: %s adds up to %s, the total is %s", period, key, sum, total)
		}
		days := part["dailyUsage"].([]any)
		require.Len(t, days, 7, period)
		sum := decimal.Zero
		for _, day := range days {
			sum = sum.Add(decimal.RequireFromString(day.(map[string]any)["cost"].(json.Number).String()))
			_, err := time.Parse(time.DateOnly, day.(map[string]any)["date"].(string))
			assert.NoError(t, err)
		}
		assert.True(t, total.Equal(sum), period)
	}
	assert.Equal(t, "0.00135", dollars(t, answer))
	assert.Contains(t, answer["current"].(map[string]any)["usageByUser"], "unattributed")

	status, problem := c.get("/api/admin/usage?startDate=yesterday", "")
	assert.Equal(t, 400, status)
	assert.Contains(t, problem["detail"], "startDate")
	assert.Equal(t, "yesterday", problem["found"])
}

func TestWithOIDCClaimsDecideWhoIsAdmin(t *testing.T) {
	t.Parallel()
	pool, dsn := newDatabase(t)
	issuer := newIssuer(t)
	c := start(t, configuration{
		processor: "    prices: {builtin: openai-2024}",
		extensions: "  oidc: {providers: [{issuer_url: 'https://issuer.test', audience: usage, groups_claim: groups, public_keys_file: '" +
			issuer.keysFile + "'}]}",
		extNames: ", oidc",
		api:      "    access: {subject: claims.sub, admin: {attribute: membership, values: [usage-admins]}}",
		apiHTTP:  "      auth: {authenticator: oidc}",
	}.String(), dsn)
	sendOneCallEach(t, c, "ada", "grace")
	waitForRows(t, pool, 2)

	hour := time.Hour
	admin := issuer.token("boss", hour, "https://issuer.test", "usage", "usage-admins", "staff")
	ada := issuer.token("ada", hour, "https://issuer.test", "usage", "staff")
	for name, a := range map[string]access{
		"admin":             {"/api/admin/usage", admin, 200},
		"user":              {"/api/admin/usage", ada, 403},
		"own":               {"/api/usage", ada, 200},
		"similar group":     {"/api/admin/usage", issuer.token("eve", hour, "https://issuer.test", "usage", "usage-admins-not"), 403},
		"expired":           {"/api/admin/usage", issuer.token("boss", -hour, "https://issuer.test", "usage", "usage-admins"), 401},
		"other issuer":      {"/api/admin/usage", issuer.token("boss", hour, "https://evil.test", "usage", "usage-admins"), 401},
		"other audience":    {"/api/admin/usage", issuer.token("boss", hour, "https://issuer.test", "mail", "usage-admins"), 401},
		"other key":         {"/api/admin/usage", newIssuer(t).token("boss", hour, "https://issuer.test", "usage", "usage-admins"), 401},
		"algorithm none":    {"/api/admin/usage", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJib3NzIn0.", 401},
		"no token":          {"/api/admin/usage", "", 401},
		"not even a token":  {"/api/admin/usage", "x", 401},
		"own with no token": {"/api/usage", "", 401},
	} {
		status, answer := c.get(a.path, a.login)
		assert.Equal(t, a.status, status, "%s: %v", name, answer)
	}
	_, answer := c.get("/api/usage", ada)
	assert.Equal(t, "0.00045", dollars(t, answer))
	assert.NotContains(t, c.log.String(), ada)
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

func (i *issuer) token(subject string, validFor time.Duration, issuerURL, audience string, groups ...string) string {
	i.t.Helper()
	options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", "k1")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: i.key}, options)
	require.NoError(i.t, err)
	now := time.Now()
	token, err := jwt.Signed(signer).Claims(jwt.Claims{
		Subject: subject, Issuer: issuerURL, Audience: jwt.Audience{audience},
		IssuedAt: jwt.NewNumericDate(now.Add(-2 * time.Hour)), Expiry: jwt.NewNumericDate(now.Add(validFor)),
	}).Claims(map[string]any{"groups": groups}).Serialize()
	require.NoError(i.t, err)
	return token
}
