package usageapiextension

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/confignet"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-usage/otelcol-usage/internal/access"
	"github.com/otelcol-usage/otelcol-usage/internal/durations"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
)

// Config is the configuration of the extension.
type Config struct {
	// DSN is the connection string of the database. Its user must be a member of the roles
	// usage_reader and usage_own.
	DSN configopaque.String `mapstructure:"dsn"`
	// DSNFile is a file that contains the DSN; PasswordFile is one that contains only the
	// password. Both are read again for each new connection.
	DSNFile      string `mapstructure:"dsn_file"`
	PasswordFile string `mapstructure:"password_file"`
	// MaxConnections is the maximum number of database connections, and so of concurrent
	// queries. Default 8.
	MaxConnections int32 `mapstructure:"max_conns"`
	// StatementTimeout is the time limit of a query. Default 15s.
	StatementTimeout time.Duration `mapstructure:"statement_timeout"`

	// HTTP configures the server: endpoint, tls, cors, auth and the other settings of the
	// collector's HTTP servers. Default endpoint 127.0.0.1:8080.
	HTTP confighttp.ServerConfig `mapstructure:"http"`

	// MaxHTTPConnections is the maximum number of open client connections; further ones
	// wait. Default 1000.
	MaxHTTPConnections int `mapstructure:"max_http_connections"`

	// Access defines who may see what.
	Access AccessConfig `mapstructure:"access"`

	// Page serves the dashboard at /, HTML pages with the numbers of the API. Default
	// false.
	Page bool `mapstructure:"page"`

	// RateLimit limits the requests of each caller.
	RateLimit RateLimitConfig `mapstructure:"rate_limit"`
}

// AccessConfig defines how a caller is identified and who is an administrator.
type AccessConfig struct {
	// Subject is the authenticator's attribute that names the caller: "subject" or
	// "claims.<name>" of oidc, "username" of basicauth. Its value must equal the user that
	// apps send with a call. Default "auto": "subject", else "username".
	Subject string `mapstructure:"subject"`
	// Admin defines administrators by an attribute.
	Admin AdminConfig `mapstructure:"admin"`
	// AdminSubjects names administrators by subject.
	AdminSubjects []string `mapstructure:"admin_subjects"`
	// BearerIsAdmin makes everybody an administrator who knows the shared token of the
	// authenticator bearertokenauth, which does not identify callers.
	BearerIsAdmin bool `mapstructure:"bearer_is_admin"`
	// InsecureLoopbackAdmin allows the server to run without an authenticator on a loopback
	// address. Everybody who reaches it is an administrator.
	InsecureLoopbackAdmin bool `mapstructure:"insecure_loopback_admin"`
}

// AdminConfig is an attribute, and the values of it that make a caller an administrator.
type AdminConfig struct {
	// Attribute is "membership" or "claims.<name>" of oidc. Empty means that nobody is an
	// administrator by attribute.
	Attribute string `mapstructure:"attribute"`
	// Values are compared with the attribute's value, or with each element of a list.
	Values []string `mapstructure:"values"`
}

func createDefaultConfig() component.Config {
	server := confighttp.NewDefaultServerConfig()
	server.NetAddr.Endpoint = "127.0.0.1:8080"
	server.ReadHeaderTimeout = 10 * time.Second
	server.ReadTimeout = 30 * time.Second
	// No request has a body.
	server.MaxRequestBodySize = 64 << 10
	return &Config{
		MaxConnections:     8,
		StatementTimeout:   15 * time.Second,
		HTTP:               server,
		MaxHTTPConnections: 1000,
		Access:             AccessConfig{Subject: access.AutoSubject},
		RateLimit:          RateLimitConfig{RequestsPerMinute: 600, FailedLoginsPerMinute: 60},
	}
}

var _ confmap.Unmarshaler = (*Config)(nil)

// Unmarshal rejects unknown keys under `http` as well. confighttp ignores them, so a
// mistyped `tls` would silently leave the server without encryption.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	if err := conf.Unmarshal(c); err != nil {
		return err
	}
	if !conf.IsSet("http") || conf.Get("http") == nil {
		return nil
	}
	server, err := conf.Sub("http")
	if err != nil {
		return err
	}
	// The same fields without the lenient method.
	type strict confighttp.ServerConfig
	return wrapKey("http", server.Unmarshal(&strict{}))
}

func wrapKey(key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("`%s`: %w", key, err)
}

// Validate returns all errors that can be found without a connection.
func (c *Config) Validate() error {
	var errs []error
	errs = append(errs, c.store().Validate())
	if c.MaxConnections < 1 || c.MaxConnections > 1000 {
		errs = append(errs, fmt.Errorf("`max_conns` must be from 1 to 1000, found %d", c.MaxConnections))
	}
	if unitless := durations.Validate(c); unitless != nil {
		errs = append(errs, unitless)
	} else if c.StatementTimeout < 100*time.Millisecond || c.StatementTimeout > time.Hour {
		errs = append(errs, fmt.Errorf("`statement_timeout` must be from 100ms to 1h, found %s", c.StatementTimeout))
	}
	if c.MaxHTTPConnections < 1 || c.MaxHTTPConnections > 1_000_000 {
		errs = append(errs, fmt.Errorf("`max_http_connections` must be from 1 to 1000000, found %d", c.MaxHTTPConnections))
	}
	errs = append(errs, c.validateAddress(), c.validateAccess(), c.RateLimit.validate())
	return errors.Join(errs...)
}

func (c *Config) validateAddress() error {
	address := c.HTTP.NetAddr
	switch address.Transport {
	case confignet.TransportTypeTCP, confignet.TransportTypeTCP4, confignet.TransportTypeTCP6:
	case confignet.TransportTypeUnix:
		return nil
	default:
		return fmt.Errorf("`http::transport` must be tcp, tcp4, tcp6 or unix, found %q", address.Transport)
	}
	if _, _, err := net.SplitHostPort(address.Endpoint); err != nil {
		return fmt.Errorf("`http::endpoint` must be host:port, such as 127.0.0.1:8080, found %q", address.Endpoint)
	}
	return nil
}

// Types of authenticators: with bearertokenauth all callers share one token, and basicauth
// compares passwords.
const (
	bearerType = "bearertokenauth"
	basicType  = "basicauth"
)

func (c *Config) validateAccess() error {
	var errs []error
	a := c.Access
	auth := c.HTTP.Auth.Get()
	bearer := auth != nil && auth.Config.AuthenticatorID.Type().String() == bearerType

	switch {
	case auth == nil && !a.InsecureLoopbackAdmin:
		errs = append(errs, errors.New("`http::auth::authenticator` must be set to an authenticator such as oidc or basicauth: without one everybody could read everybody's usage; "+
			"on a machine of your own set `access::insecure_loopback_admin` to true"))
	case auth != nil && a.InsecureLoopbackAdmin:
		errs = append(errs, errors.New("`access::insecure_loopback_admin` and `http::auth` are both set; keep one"))
	case bearer && !a.BearerIsAdmin:
		errs = append(errs, errors.New("`http::auth::authenticator` is "+bearerType+", a token that all callers share and that names nobody; "+
			"to make everybody an administrator who knows it, set `access::bearer_is_admin` to true; to distinguish callers use oidc or basicauth"))
	case a.BearerIsAdmin && !bearer:
		errs = append(errs, errors.New("`access::bearer_is_admin` is for the authenticator "+bearerType+" alone; remove it"))
	}
	if auth != nil && len(auth.RequestParameters) > 0 {
		errs = append(errs, errors.New("`http::auth::request_params` must be empty: credentials in a URL end up in logs and histories; send them in a header"))
	}
	if a.InsecureLoopbackAdmin {
		errs = append(errs, c.validateLoopback())
	}
	if a.Subject == "" {
		errs = append(errs, errors.New("`access::subject` must name an attribute of the authenticator, such as claims.sub, or be "+access.AutoSubject))
	}
	for key, name := range map[string]string{"access::subject": a.Subject, "access::admin::attribute": a.Admin.Attribute} {
		if name == "raw" {
			errs = append(errs, fmt.Errorf("`%s` must not be raw: that is the password or token itself", key))
		}
	}
	if (a.Admin.Attribute == "") != (len(a.Admin.Values) == 0) {
		errs = append(errs, fmt.Errorf("`access::admin` needs both `attribute` and `values`, found attribute %q and %d values", a.Admin.Attribute, len(a.Admin.Values)))
	}
	for key, list := range map[string][]string{"access::admin::values": a.Admin.Values, "access::admin_subjects": a.AdminSubjects} {
		if slices.Contains(list, "") {
			errs = append(errs, fmt.Errorf("`%s` must not hold an empty text (an unset environment variable?)", key))
		}
	}
	return errors.Join(errs...)
}

// validateLoopback ensures that a server without an authenticator is not reachable from the
// network. It resolves no names except localhost, because what they resolve to can change.
func (c *Config) validateLoopback() error {
	var errs []error
	host, _, err := net.SplitHostPort(c.HTTP.NetAddr.Endpoint)
	if c.HTTP.NetAddr.Transport == confignet.TransportTypeUnix || err == nil && !isLoopback(host) {
		errs = append(errs, fmt.Errorf("`access::insecure_loopback_admin` needs a loopback `http::endpoint`, such as 127.0.0.1:8080, [::1]:8080 or localhost:8080, found %q",
			c.HTTP.NetAddr.Endpoint))
	}
	if cors := c.HTTP.CORS.Get(); cors != nil && slices.ContainsFunc(cors.AllowedOrigins, func(o string) bool { return strings.Contains(o, "*") }) {
		errs = append(errs, errors.New("`http::cors::allowed_origins` must not have wildcards with `access::insecure_loopback_admin`: any web page open in a browser here could read the usage"))
	}
	return errors.Join(errs...)
}

// isLoopback reports whether the host of an endpoint or a Host header is this machine.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// store returns the settings of the database connection.
func (c *Config) store() store.Config {
	return store.Config{
		DSN: string(c.DSN), DSNFile: c.DSNFile, PasswordFile: c.PasswordFile,
		ApplicationName: "otelcol-usage usage_api", MaxConns: c.MaxConnections,
	}
}

// policy converts the configuration into an access policy.
func (c *Config) policy() *access.Policy {
	p := &access.Policy{
		Subject:        c.Access.Subject,
		AdminAttribute: c.Access.Admin.Attribute,
		AdminValues:    c.Access.Admin.Values,
		AdminSubjects:  c.Access.AdminSubjects,
	}
	if c.Access.BearerIsAdmin || c.Access.InsecureLoopbackAdmin {
		p.WithoutIdentity = access.AdminWithoutIdentity
	}
	return p
}
