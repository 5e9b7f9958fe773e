package upkeep

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// GrafanaRole describes how the role usage_grafana differs from what the migration created.
// Viewers of Grafana act as that role, so they can change its settings and keep data in
// large objects and temporary files.
type GrafanaRole struct {
	// Changed names the settings in this database that differ from the migration's, sorted.
	Changed []string
	// Bare is true when the role has none of the migration's settings, as in a database
	// that was restored or copied: a database dump does not include settings of roles.
	Bare bool
	// Everywhere lists settings of the role that apply to all databases, as name=value. The
	// migration makes none; an administrator may have.
	Everywhere []string
	// LargeObjects is how many large objects the role owns.
	LargeObjects int64
	// TempFileLimit limits the role's temporary files; "" means no limit.
	TempFileLimit string

	want map[string]string
}

// querier is a pool or a transaction.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// ReadGrafanaRole compares the role with what the migration created.
func ReadGrafanaRole(ctx context.Context, db querier) (GrafanaRole, error) {
	var r GrafanaRole
	var noted *string
	var here []string
	err := db.QueryRow(ctx, `
SELECT (SELECT value FROM public.usage_setting WHERE name = 'grafana_role'),
       coalesce((SELECT s.setconfig FROM pg_catalog.pg_db_role_setting AS s JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase
                 WHERE s.setrole = to_regrole('usage_grafana') AND d.datname = current_database()), '{}'),
       coalesce((SELECT s.setconfig FROM pg_catalog.pg_db_role_setting AS s WHERE s.setrole = to_regrole('usage_grafana') AND s.setdatabase = 0), '{}'),
       (SELECT count(*) FROM pg_catalog.pg_largeobject_metadata WHERE lomowner = to_regrole('usage_grafana'))`).
		Scan(&noted, &here, &r.Everywhere, &r.LargeObjects)
	if err != nil {
		return r, fmt.Errorf("look at the role usage_grafana: %w", err)
	}
	var want []string
	if noted != nil {
		if err := json.Unmarshal([]byte(*noted), &want); err != nil {
			return r, fmt.Errorf("read the setting grafana_role of public.usage_setting: %w", err)
		}
	}
	r.want = settings(want)
	found := settings(here)
	r.Bare = len(here) == 0
	r.TempFileLimit = settings(append(slices.Clone(r.Everywhere), here...))["temp_file_limit"]
	delete(found, "temp_file_limit") // set by an administrator; no viewer can set it
	for name := range found {
		if _, ok := r.want[name]; !ok {
			r.Changed = append(r.Changed, name)
		}
	}
	for name, value := range r.want {
		if found[name] != value {
			r.Changed = append(r.Changed, name)
		}
	}
	slices.Sort(r.Changed)
	return r, nil
}

// settings splits each "name=value".
func settings(list []string) map[string]string {
	m := make(map[string]string, len(list))
	for _, setting := range list {
		name, value, _ := strings.Cut(setting, "=")
		m[name] = value
	}
	return m
}

// RepairGrafanaRole resets the changed settings and returns their names. A changed password
// cannot be detected; if in doubt, set a new one.
func RepairGrafanaRole(ctx context.Context, pool *pgxpool.Pool) (repaired []string, err error) {
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		r, err := ReadGrafanaRole(ctx, tx)
		if err != nil {
			return err
		}
		var database string
		if err := tx.QueryRow(ctx, `SELECT current_database()`).Scan(&database); err != nil {
			return err
		}
		alter := `ALTER ROLE usage_grafana IN DATABASE ` + pgx.Identifier{database}.Sanitize()
		for _, name := range r.Changed {
			setting := pgx.Identifier{name}.Sanitize()
			value, wanted := r.want[name]
			if !wanted {
				if _, err := tx.Exec(ctx, alter+` RESET `+setting); err != nil {
					return err
				}
				continue
			}
			// Set it in this session and use FROM CURRENT. As a literal, a list such as
			// search_path would be quoted as one name.
			if _, err := tx.Exec(ctx, `SELECT set_config($1, $2, true)`, name, value); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, alter+` SET `+setting+` FROM CURRENT`); err != nil {
				return err
			}
		}
		repaired = r.Changed
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("set the role usage_grafana back: %w", err)
	}
	return repaired, nil
}
