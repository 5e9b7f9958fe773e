package usageapiextension

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configauth"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configtls"
	"go.opentelemetry.io/collector/confmap"
	"go.yaml.in/yaml/v3"
)

func authBy(authenticator string) configoptional.Optional[confighttp.AuthConfig] {
	var id component.ID
	if err := id.UnmarshalText([]byte(authenticator)); err != nil {
		panic(err)
	}
	return configoptional.Some(confighttp.AuthConfig{Config: configauth.Config{AuthenticatorID: id}})
}

func TestEveryKeyIsRead(t *testing.T) {
	t.Parallel()
	for key, change := range map[string]func(*Config){
		"usage_api": func(c *Config) {
			c.DSN = "postgres://usage_api@db.example.com/usage"
			c.PasswordFile = "/run/secrets/usage_api"
			c.MaxConnections = 4
			c.StatementTimeout = 5 * time.Second
			c.RateLimit = RateLimitConfig{RequestsPerMinute: 60, FailedLoginsPerMinute: 5}
			c.MaxHTTPConnections = 200
			c.Page = true
			c.HTTP.NetAddr.Endpoint = "0.0.0.0:8443"
			tls := configtls.NewDefaultServerConfig()
			tls.CertFile, tls.KeyFile = "server.crt", "server.key"
			c.HTTP.TLS = configoptional.Some(tls)
			c.HTTP.CORS = configoptional.Some(confighttp.CORSConfig{AllowedOrigins: []string{"https://dashboard.example.com"}})
			c.HTTP.Auth = authBy("oidc")
			c.Access = AccessConfig{
				Subject:       "claims.email",
				Admin:         AdminConfig{Attribute: "membership", Values: []string{"usage-admins", "finance"}},
				AdminSubjects: []string{"root@example.com"},
			}
		},
		"usage_api/smallest": func(c *Config) {
			c.DSN = "postgres://127.0.0.1/usage"
			c.HTTP.Auth = authBy("basicauth")
		},
		"usage_api/laptop": func(c *Config) {
			c.DSNFile = "/run/secrets/dsn"
			c.HTTP.NetAddr.Endpoint = "localhost:8080"
			c.Access.InsecureLoopbackAdmin = true
		},
		"usage_api/bearer": func(c *Config) {
			c.DSN = "host=db user=usage_api"
			c.HTTP.Auth = authBy("bearertokenauth/admins")
			c.Access.BearerIsAdmin = true
		},
	} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			all := loadYAML(t, "testdata/config.yaml")
			part, err := all.Sub(key)
			require.NoError(t, err)
			got := createDefaultConfig().(*Config)
			require.NoError(t, part.Unmarshal(got))
			require.NoError(t, confmap.Validate(got))

			want := createDefaultConfig().(*Config)
			change(want)
			assert.Equal(t, want, got)
		})
	}
}

func loadYAML(t *testing.T, file string) *confmap.Conf {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var values map[string]any
	require.NoError(t, yaml.Unmarshal(text, &values))
	return confmap.NewFromStringMap(values)
}

// TestBadConfigurationsAreRefused loads each file of testdata/bad; its first
// line is a part of the message.
func TestBadConfigurationsAreRefused(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			want, ok := strings.CutPrefix(strings.SplitN(string(text), "\n", 2)[0], "# ")
			require.True(t, ok, "the first line of %s must be a comment with the message", file)

			config := createDefaultConfig().(*Config)
			err = loadYAML(t, file).Unmarshal(config)
			if err == nil {
				err = confmap.Validate(config)
			}
			require.ErrorContains(t, err, want)
			assert.NotContains(t, err.Error(), "secret-word")
		})
	}
}

func TestAllFaultsAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	config := createDefaultConfig().(*Config)
	config.MaxConnections = 0
	err := config.Validate()
	for _, key := range []string{"`dsn`", "`max_conns`", "`http::auth::authenticator`"} {
		assert.ErrorContains(t, err, key)
	}
}

func TestLoopbackIsTakenLiterally(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.1.2.3": true, "::1": true, "localhost": true, "LOCALHOST": true,
		"": false, "0.0.0.0": false, "::": false, "10.0.0.1": false, "128.0.0.1": false, "127.1": false,
		"localhost.": false, "localhost.example.com": false, "127.0.0.1.nip.io": false, "2130706433": false, "::ffff:10.0.0.1": false,
	} {
		assert.Equal(t, want, isLoopback(host), host)
	}
}

func TestDSNIsNeverPrinted(t *testing.T) {
	t.Parallel()
	config := createDefaultConfig().(*Config)
	config.DSN = "postgres://usage:secret-word@db/usage"
	conf := confmap.New()
	require.NoError(t, conf.Marshal(config))
	assert.NotContains(t, fmt.Sprintf("%v %+v", conf.ToStringMap(), config), "secret-word")
}
