package usageapiextension

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/extension"
	"go.uber.org/zap"
	"golang.org/x/net/netutil"

	"github.com/otelcol-usage/otelcol-usage/extension/usageapiextension/internal/metadata"
	"github.com/otelcol-usage/otelcol-usage/internal/access"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
)

// probeInterval is how often the database is probed, so that the component's status is
// correct even without requests.
const probeInterval = 15 * time.Second

// api is the extension: a server, a connection pool, and a probe of the database.
type api struct {
	config   *Config
	settings extension.Settings
	log      *zap.Logger
	policy   *access.Policy
	now      func() time.Time
	// patience is how long after the start missing tables are not an error, because
	// extensions start before the exporter that creates them.
	patience time.Duration
	// telemetry records the extension's own metrics.
	telemetry *metadata.TelemetryBuilder

	pool   *pgxpool.Pool
	reader *read.Reader
	server *http.Server
	stop   context.CancelFunc // ends the probe
	// exports has a slot for each running export. There are half as many as connections, so
	// that slow downloads leave some for everybody else.
	exports chan struct{}
	shared  sharer
	limiter limiter
	work    sync.WaitGroup // the server and the probe
}

func newAPI(config *Config, settings extension.Settings) (*api, error) {
	telemetry, err := metadata.NewTelemetryBuilder(settings.TelemetrySettings)
	if err != nil {
		return nil, fmt.Errorf("usage_api: %w", err)
	}
	return &api{
		config: config, settings: settings, log: settings.Logger, policy: config.policy(), limiter: newLimiter(config.RateLimit),
		telemetry: telemetry, now: time.Now, patience: 30 * time.Second,
	}, nil
}

// Start opens the port. It does not wait for the database: while that is unreachable,
// requests are answered with 503 and the component's status gives the reason.
func (a *api) Start(ctx context.Context, host component.Host) error {
	if err := a.open(ctx); err != nil {
		return err
	}
	server, err := a.newServer(ctx, host)
	if err != nil {
		a.pool.Close()
		return err
	}
	listener, err := a.config.HTTP.ToListener(ctx)
	if err != nil {
		a.pool.Close()
		return fmt.Errorf("usage_api: `http::endpoint` cannot be opened: %w", err)
	}
	listener = netutil.LimitListener(listener, a.config.MaxHTTPConnections)
	a.server = server
	a.warn(listener.Addr())
	a.log.Info("Serving usage queries", zap.Stringer("address", listener.Addr()))

	watching, stop := context.WithCancel(context.Background())
	a.stop = stop
	a.work.Go(func() {
		if err := server.Serve(listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
			componentstatus.ReportStatus(host, componentstatus.NewFatalErrorEvent(fmt.Errorf("usage_api: serve: %w", err)))
		}
	})
	a.work.Go(func() { a.watch(watching, host) })
	return nil
}

// newServer puts the handler behind the collector's HTTP stack and wraps both to observe
// requests.
func (a *api) newServer(ctx context.Context, host component.Host) (*http.Server, error) {
	extensions := host.GetExtensions()
	if auth := a.config.HTTP.Auth.Get(); auth != nil {
		extensions = guardLogins(extensions, auth.Config.AuthenticatorID, a.config.RateLimit.FailedLoginsPerMinute)
	}
	server, err := a.config.HTTP.ToServer(ctx, extensions, a.settings.TelemetrySettings, a.handler(),
		confighttp.WithErrorHandler(a.refuseEarly))
	if err != nil {
		return nil, fmt.Errorf("usage_api: %w", err)
	}
	server.Handler = a.observe(server.Handler)
	return server, nil
}

// open creates the pool without connecting.
func (a *api) open(ctx context.Context) error {
	pool, err := store.Connect(ctx, a.config.store())
	if err != nil {
		return fmt.Errorf("usage_api: %w", err)
	}
	a.pool = pool
	a.reader = read.New(pool, a.config.StatementTimeout)
	a.exports = make(chan struct{}, max(pool.Config().MaxConns/2, 1))
	return nil
}

// Shutdown waits for running requests until ctx ends.
func (a *api) Shutdown(ctx context.Context) error {
	if a.server == nil { // never started
		return nil
	}
	err := a.server.Shutdown(ctx)
	if err != nil {
		// The time is up: close the connections of running requests.
		err = errors.Join(err, a.server.Close())
	}
	a.stop()
	a.work.Wait()
	a.pool.Close()
	a.telemetry.Shutdown()
	a.server = nil
	return err
}

// warn logs settings that are allowed but rarely intended.
func (a *api) warn(address net.Addr) {
	if a.config.Access.InsecureLoopbackAdmin {
		a.log.Warn("Everybody who reaches this address is an administrator: access::insecure_loopback_admin is true", zap.Stringer("address", address))
		return
	}
	if tcp, ok := address.(*net.TCPAddr); ok && !tcp.IP.IsLoopback() && !a.config.HTTP.TLS.HasValue() {
		a.log.Warn("Credentials arrive without encryption unless a proxy in front adds it: http::tls is not set", zap.Stringer("address", address))
	}
}

// watch reports when the database becomes unavailable or available.
func (a *api) watch(ctx context.Context, host component.Host) {
	started, last := time.Now(), "not asked yet"
	for {
		probing, cancel := context.WithTimeout(ctx, probeInterval)
		err := a.reader.Ready(probing)
		cancel()
		if ctx.Err() != nil {
			return
		}
		problem, again := "", probeInterval
		switch {
		case err == nil:
		case store.Classify(err) == store.ClassSchema && time.Since(started) < a.patience:
			problem, again = noTablesYet, time.Second
		default:
			problem = databaseProblem(err).Detail
		}
		if problem != last {
			a.tell(host, problem, err)
			last = problem
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(again):
		}
	}
}

// tell logs the state of the database and sets the component's status.
func (a *api) tell(host component.Host, problem string, err error) {
	switch problem {
	case "":
		a.log.Info("The database answers")
		componentstatus.ReportStatus(host, componentstatus.NewEvent(componentstatus.StatusOK))
	case noTablesYet:
		a.log.Info("Waiting for the tables, which usage_postgres creates with `migrate: true`, and else usagectl migrate up")
	default:
		a.log.Warn("Queries will fail", zap.String("problem", problem), zap.String("sqlstate", store.SQLState(err)))
		componentstatus.ReportStatus(host, componentstatus.NewRecoverableErrorEvent(errors.New("usage_api: "+problem)))
	}
}

// noTablesYet is the state shortly after the start.
const noTablesYet = "no tables yet"
