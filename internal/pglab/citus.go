package pglab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
)

// ErrNoCitus is returned where the programs that [pgserver.Find] found have no extension
// Citus beside them.
var ErrNoCitus = errors.New("the extension citus is not installed for this PostgreSQL; packages: https://docs.citusdata.com; from source: ./configure PG_CONFIG=<its pg_config> && make install")

// Cluster is a coordinator of Citus and its workers.
type Cluster struct {
	Coordinator *pgserver.Server
	Workers     []*pgserver.Server
}

// citusSettings are those that docs/scale.md recommends.
var citusSettings = []string{
	"shared_preload_libraries=citus", "citus.node_conninfo=sslmode=disable",
	"max_prepared_transactions=200", "max_worker_processes=100",
	"citus.recover_2pc_interval=5s", "citus.max_adaptive_executor_pool_size=1",
}

// Citus logs in to its workers as whoever asks it. So everybody but the
// superuser may come without a password: tests make roles as they like.
const citusAccess = "host all postgres 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n"

// StartCitus starts temporary servers; [Cluster.CreateDatabase] creates databases on all of
// them.
func StartCitus(ctx context.Context, workers int) (*Cluster, error) {
	c := &Cluster{}
	for range workers + 1 {
		s, err := pgserver.Start(ctx, pgserver.Options{Settings: citusSettings})
		if err != nil {
			c.Stop()
			if strings.Contains(err.Error(), `could not access file "citus"`) {
				err = ErrNoCitus
			}
			return nil, fmt.Errorf("start Citus: %w", err)
		}
		c.Workers = append(c.Workers, s)
	}
	c.Coordinator, c.Workers = c.Workers[0], c.Workers[1:]
	if err := c.letIn(ctx); err != nil {
		c.Stop()
		return nil, fmt.Errorf("start Citus: %w", err)
	}
	return c, nil
}

func (c *Cluster) nodes() []*pgserver.Server {
	return append([]*pgserver.Server{c.Coordinator}, c.Workers...)
}

// letIn makes the nodes accept each other's connections.
func (c *Cluster) letIn(ctx context.Context) error {
	coordinator, err := pgx.ParseConfig(c.Coordinator.DSN)
	if err != nil {
		return err
	}
	// Citus gives the workers the passwords of the coordinator's roles.
	for _, s := range c.Workers {
		if err := execAll(ctx, s, fmt.Sprintf(`ALTER ROLE %s PASSWORD '%s'`, coordinator.User, coordinator.Password)); err != nil {
			return err
		}
		own, err := pgx.ParseConfig(s.DSN)
		if err != nil {
			return err
		}
		s.DSN = strings.Replace(s.DSN, own.Password, coordinator.Password, 1)
	}
	passwords := fmt.Sprintf("127.0.0.1:*:*:%s:%s\n", coordinator.User, coordinator.Password)
	owner, err := pgserver.UnprivilegedUser("postgres", "nobody")
	if err != nil {
		return err
	}
	for _, s := range c.nodes() {
		file := filepath.Join(s.Dir, ".pgpass")
		if err := os.WriteFile(file, []byte(passwords), 0o600); err != nil {
			return err
		}
		if owner != nil {
			if err := os.Chown(file, int(owner.Uid), int(owner.Gid)); err != nil {
				return err
			}
		}
		if err := os.WriteFile(filepath.Join(s.Dir, "data", "pg_hba.conf"), []byte(citusAccess), 0o600); err != nil {
			return err
		}
		if err := execAll(ctx, s, `SELECT pg_reload_conf()`); err != nil {
			return err
		}
	}
	return nil
}

// CreateDatabase creates a Citus database and returns the superuser's DSN for it on the
// coordinator.
func (c *Cluster) CreateDatabase(ctx context.Context, name string) (dsn string, err error) {
	for _, s := range c.nodes() {
		if err := execAll(ctx, s, `CREATE DATABASE `+name); err != nil {
			return "", err
		}
		if err := execAll(ctx, database(s, name), `CREATE EXTENSION citus`); err != nil {
			return "", err
		}
	}
	coordinator := database(c.Coordinator, name)
	add := []string{fmt.Sprintf(`SELECT citus_set_coordinator_host('127.0.0.1', %d)`, coordinator.Port)}
	for _, s := range c.Workers {
		add = append(add, fmt.Sprintf(`SELECT citus_add_node('127.0.0.1', %d)`, s.Port))
	}
	return coordinator.DSN, execAll(ctx, coordinator, add...)
}

// DropDatabase removes a database with whatever is connected to it.
func (c *Cluster) DropDatabase(ctx context.Context, name string) error {
	for _, s := range c.nodes() {
		if err := execAll(ctx, s, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`); err != nil {
			return err
		}
	}
	return nil
}

// database is the same server with the address of another database.
func database(s *pgserver.Server, name string) *pgserver.Server {
	return &pgserver.Server{Port: s.Port, DSN: strings.Replace(s.DSN, "/postgres?", "/"+name+"?", 1)}
}

// Stop ends all nodes and removes them.
func (c *Cluster) Stop() {
	for _, s := range c.nodes() {
		s.Stop()
	}
}
