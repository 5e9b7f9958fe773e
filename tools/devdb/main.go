// Command devdb gives a developer a PostgreSQL server with the current schema
// until Ctrl-C (`make db`), or makes sure that there are server programs at all
// (`make test`, which starts servers of its own).
//
// It owns no knowledge: finding and running servers is internal/pgserver, the
// schema internal/dbmigrate.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
)

func main() {
	find := flag.Bool("find", false, "only find the server programs, or install them when root, and print where they are")
	dsnFile := flag.String("dsn-file", ".build/db.dsn", "file that holds the address of the database while the server runs")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *find, *dsnFile)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "devdb: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, find bool, dsnFile string) error {
	if find {
		dir, err := pgserver.FindOrInstall(ctx, os.Stderr)
		if err == nil {
			fmt.Println(dir)
		}
		return err
	}
	server, err := pgserver.Start(ctx, pgserver.Options{Log: os.Stderr})
	if err != nil {
		return err
	}
	defer server.Stop()
	if err := migrate(ctx, server.DSN); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(dsnFile), 0o755); err != nil { //nolint:gosec // a folder of the work tree
		return err
	}
	if err := os.WriteFile(dsnFile, []byte(server.DSN+"\n"), 0o600); err != nil {
		return err
	}
	defer os.Remove(dsnFile) //nolint:errcheck // a file that is left names a server that is gone
	fmt.Printf(`PostgreSQL with the current schema, until Ctrl-C:

  export DATABASE_URL='%[1]s'
  make psql                                       # in another terminal
  TEST_DATABASE_URL='%[1]s' PGTEST_KEEP=1 go test ./internal/store

`, server.DSN)
	<-ctx.Done()
	return nil
}

func migrate(ctx context.Context, dsn string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // everything is committed
	_, err = dbmigrate.New().Up(ctx, conn)
	return err
}
