package dbmigrate

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Any member of a role can revoke all of the role's rights in a database with DROP OWNED
// BY, and PostgreSQL has no way to prevent it. Such members are viewers of Grafana acting
// as usage_grafana, and anybody who has the password of an API user.

// grantStatement finds the GRANTs to our roles in the migrations. It does not match
// statements that name the database or a user, which are built with format().
var grantStatement = regexp.MustCompile(`(?m)^ *GRANT [^;']+? TO usage_\w+(?:, usage_\w+)*;`)

// writerFolds matches the GRANTs of later migrations for writers that keep the sums
// themselves, which hold only where [Migrator.KeepRollupsBy] said so.
var writerFolds = regexp.MustCompile(`(?s)-- Made by internal/sums: \d+: writer folds\..*?-- End of what internal/sums made\.`)

// LostRights returns those of our roles that have no right on any table of this database,
// although the migrations granted each some.
func LostRights(ctx context.Context, db querier) ([]string, error) {
	names := make([]string, len(groupRoles))
	for i, r := range groupRoles {
		names[i] = r.name
	}
	var lost []string
	err := db.QueryRow(ctx, `
SELECT ARRAY(SELECT r.rolname::text FROM pg_catalog.pg_roles AS r
  WHERE r.rolname = ANY ($1) AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_class AS c, pg_catalog.aclexplode(c.relacl) AS a
    WHERE c.relnamespace IN (to_regnamespace('public'), to_regnamespace('usage_report')) AND a.grantee = r.oid)
  ORDER BY 1)`, names).Scan(&lost)
	if err != nil {
		return nil, fmt.Errorf("read the rights of our roles: %w", err)
	}
	return lost, nil
}

// GrantAgain repeats the GRANTs of the migrations for the roles that have lost their
// rights, and returns the names of these roles. Rights that [Migrator.KeepRollupsBy] grants
// are restored when it runs again.
func (m *Migrator) GrantAgain(ctx context.Context, db Beginner) ([]string, error) {
	var lost []string
	_, err := m.inTransaction(ctx, db, func(ctx context.Context, tx pgx.Tx) (*Step, error) {
		if _, err := m.verified(ctx, tx); err != nil {
			return nil, err
		}
		var err error
		if lost, err = LostRights(ctx, tx); err != nil || len(lost) == 0 {
			return nil, err
		}
		var managed bool
		if err := tx.QueryRow(ctx, `SELECT value = 'true' FROM public.usage_setting WHERE name = 'users_managed'`).Scan(&managed); err != nil {
			return nil, err
		}
		for _, migration := range m.all {
			for _, grant := range grantStatement.FindAllString(writerFolds.ReplaceAllString(migration.Up, ""), -1) {
				// Where a host application owns the users, the writer may only read their
				// key.
				if strings.Contains(grant, " ON auth.users ") && strings.Contains(grant, "INSERT") != managed {
					continue
				}
				// There nobody but the application adds users.
				if strings.Contains(grant, " ON SCHEMA auth TO usage_planner") && !managed {
					continue
				}
				if err := runFile(ctx, tx, migration.Name+".up.sql", grant); err != nil {
					return nil, err
				}
			}
		}
		return nil, nil
	})
	if err != nil {
		return nil, fmt.Errorf("grant again: %w", err)
	}
	return lost, nil
}
