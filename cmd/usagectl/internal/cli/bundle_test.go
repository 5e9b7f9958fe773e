package cli

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

func TestTheBundleOfDoctorHasNoSecrets(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO auth.users (id) VALUES ('0b726fa6-c946-5765-a6e2-99975864dca2')`)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, user_id, metadata) VALUES (now(), 1, 'text', '0b726fa6-c946-5765-a6e2-99975864dca2', '{"prompt": "a secret text"}')`)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, pricing_status, pricing_reason) VALUES (now(), 0, 'text', 'unpriced', 'unknown_model')`)
	file := filepath.Join(t.TempDir(), "report.txt")
	out, err := on(t, db.DSN, "doctor", "--bundle", file)
	assert.Contains(t, out, "report.txt; read it before you send it", "%v", err)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, has := range []string{"usagectl dev", "linux/", "ok    schema", "0001_create_tables", "unknown_model"} {
		assert.Contains(t, string(text), has)
	}
	dsn, err := url.Parse(db.DSN)
	require.NoError(t, err)
	password, _ := dsn.User.Password()
	for _, secret := range []string{password, "postgres://", "0b726fa6", "a secret text"} {
		if secret != "" {
			assert.NotContains(t, string(text), secret)
		}
	}
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.EqualValues(t, 0o600, info.Mode().Perm())

	_, err = on(t, db.DSN, "doctor", "--bundle", file)
	require.ErrorContains(t, err, "must be a new file")
	_, err = on(t, "postgres://ada:hunter2@127.0.0.1:1/x", "doctor", "--bundle", file+".2")
	require.Error(t, err)
	if text, err := os.ReadFile(file + ".2"); err == nil {
		assert.NotContains(t, string(text), "hunter2")
		assert.Contains(t, string(text), "does not answer")
	}
}
