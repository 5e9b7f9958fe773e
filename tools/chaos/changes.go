package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/pause"
)

// change is a change that an administrator makes to a database in use and then reverts: by
// mistake, during maintenance, or because somebody got their password.
type change struct {
	name       string
	make, back string // statements of a superuser
}

// writerRole is the role as which the collectors log in.
const writerRole = "chaos_writer"

const (
	cutOff = `; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '` + writerRole + `'`
	// longer than a batch may take
	hold = `; SELECT pg_sleep(6.5); COMMIT`
)

var changes = []change{
	{"the login is closed", `ALTER ROLE ` + writerRole + ` NOLOGIN` + cutOff, `ALTER ROLE ` + writerRole + ` LOGIN`},
	{"no connection is allowed", `ALTER ROLE ` + writerRole + ` CONNECTION LIMIT 0` + cutOff, `ALTER ROLE ` + writerRole + ` CONNECTION LIMIT -1`},
	{"the membership is taken away", `REVOKE usage_writer FROM ` + writerRole, `GRANT usage_writer TO ` + writerRole},
	{"the right to insert is taken away", `REVOKE INSERT ON public.api_usage FROM usage_writer`, `GRANT INSERT ON public.api_usage TO usage_writer`},
	{"the schema is closed", `REVOKE USAGE ON SCHEMA auth FROM usage_writer`, `GRANT USAGE ON SCHEMA auth TO usage_writer`},
	{"the calls are locked", `BEGIN; LOCK TABLE public.api_usage IN ACCESS EXCLUSIVE MODE` + hold, ``},
	{"the users are locked", `BEGIN; LOCK TABLE auth.users IN ACCESS EXCLUSIVE MODE` + hold, ``},
	{"the sums are locked", `BEGIN; LOCK TABLE public.usage_day IN ACCESS EXCLUSIVE MODE` + hold, ``},
	{"a statement may take 1 ms", `ALTER ROLE ` + writerRole + ` SET statement_timeout = '1ms'` + cutOff, `ALTER ROLE ` + writerRole + ` RESET statement_timeout` + cutOff},
	{"a transaction may idle 1 ms", `ALTER ROLE ` + writerRole + ` SET idle_in_transaction_session_timeout = '1ms'` + cutOff, `ALTER ROLE ` + writerRole + ` RESET idle_in_transaction_session_timeout` + cutOff},
	{"a lock may be waited for 1 ms", `ALTER ROLE ` + writerRole + ` SET lock_timeout = '1ms'` + cutOff, `ALTER ROLE ` + writerRole + ` RESET lock_timeout` + cutOff},
	{"transactions are read only", `ALTER ROLE ` + writerRole + ` SET default_transaction_read_only = on` + cutOff, `ALTER ROLE ` + writerRole + ` RESET default_transaction_read_only` + cutOff},
	{"transactions are serializable", `ALTER ROLE ` + writerRole + ` SET default_transaction_isolation = 'serializable'` + cutOff, `ALTER ROLE ` + writerRole + ` RESET default_transaction_isolation` + cutOff},
	{"names lead elsewhere", `ALTER ROLE ` + writerRole + ` SET search_path = 'nowhere'` + cutOff, `ALTER ROLE ` + writerRole + ` RESET search_path` + cutOff},
	{"a column has another name", `ALTER TABLE public.api_usage RENAME COLUMN model TO modell`, `ALTER TABLE public.api_usage RENAME COLUMN modell TO model`},
	{"the calls have another name", `ALTER TABLE public.api_usage RENAME TO api_usages`, `ALTER TABLE public.api_usages RENAME TO api_usage`},
	{"sums have another name", `ALTER TABLE public.usage_day RENAME TO usage_days`, `ALTER TABLE public.usage_days RENAME TO usage_day`},
	{"the table of users is gone", `ALTER TABLE auth.users RENAME TO people`, `ALTER TABLE auth.people RENAME TO users`},
	{"the settings are empty", `CREATE TABLE public.kept AS TABLE public.usage_setting; DELETE FROM public.usage_setting`, `INSERT INTO public.usage_setting TABLE public.kept ON CONFLICT (name) DO UPDATE SET value = excluded.value; DROP TABLE public.kept`},
	{"all names lead nowhere", `ALTER SCHEMA auth RENAME TO auth2`, `ALTER SCHEMA auth2 RENAME TO auth`},
}

// changeDatabase makes a change while calls are sent and reverts it. Nothing may be parked
// because of an administrator.
func changeDatabase(c change) func(context.Context, *lab) (seen, error) {
	return func(ctx context.Context, l *lab) (s seen, err error) {
		if err := l.flowing(ctx, 300); err != nil {
			return seen{}, err
		}
		pool, err := l.connect(ctx)
		if err != nil {
			return seen{}, err
		}
		defer pool.Close()
		run := func(what, sql string) error {
			if _, err := pool.Exec(ctx, sql); err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			return nil
		}
		defer func() {
			if c.back != "" {
				err = errors.Join(err, run("take the change back", c.back))
			}
			if err == nil {
				err = l.flowing(ctx, 200)
			}
		}()
		if err := run("change", c.make); err != nil {
			return seen{}, err
		}
		if err := l.flowing(ctx, 200); err != nil {
			return seen{}, err
		}
		return seen{}, pause.For(ctx, 500*time.Millisecond)
	}
}
