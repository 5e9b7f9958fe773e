package dbmigrate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// groupRoles are the group roles in the order in which the migrations create them, where
// they have the right to, and their attributes.
var groupRoles = []struct{ name, attributes string }{
	{"usage_writer", "NOLOGIN"}, {"usage_reader", "NOLOGIN"}, {"usage_own", "NOLOGIN"},
	{"usage_grafana", "NOLOGIN CONNECTION LIMIT 20"}, {"usage_pricer", "NOLOGIN"}, {"usage_biller", "NOLOGIN"}, {"usage_meterer", "NOLOGIN"}, {"usage_planner", "NOLOGIN"},
	{"usage_budgeter", "NOLOGIN"},
}

// memberOf lists the roles that the migrating user usually needs as well, because the
// exporter and the API often log in as the same user.
var memberOf = []string{"usage_writer", "usage_reader", "usage_own", "usage_pricer", "usage_biller"}

// RightsError means that a user lacks privileges that the migrations need.
type RightsError struct {
	User       string
	Statements []string // for an administrator of the database, to run once
}

func (e *RightsError) Error() string {
	return fmt.Sprintf("%s may not do all that the migrations need, and nothing was changed; an administrator of the database runs once: %s", e.User, strings.Join(e.Statements, " "))
}

// MissingRoles lists the group roles that the server lacks, in the order in which the
// migrations create them.
func MissingRoles(ctx context.Context, db querier) (missing []string, err error) {
	err = db.QueryRow(ctx, `
SELECT ARRAY(SELECT name FROM unnest($1::text[]) WITH ORDINALITY AS r (name, place)
             WHERE to_regrole(name) IS NULL ORDER BY place)`, groupRoleNames()).Scan(&missing)
	if err != nil {
		return nil, fmt.Errorf("read roles: %w", err)
	}
	return missing, nil
}

func groupRoleNames() []string {
	names := make([]string, len(groupRoles))
	for i, r := range groupRoles {
		names[i] = r.name
	}
	return names
}

// AdminStatements returns the statements that an administrator has to run before the user
// can migrate this database and then use it. There are none if the user has all privileges.
// needed reports whether migrating fails without them.
func AdminStatements(ctx context.Context, db querier) (user string, statements []string, needed bool, err error) {
	var (
		database                             string
		mayCreateRoles, inDatabase, inPublic bool
		existing, member                     []string
	)
	err = db.QueryRow(ctx, `
SELECT quote_ident(current_user), quote_ident(current_database()), r.rolsuper OR r.rolcreaterole,
       has_database_privilege(current_database(), 'CREATE'), has_schema_privilege('public', 'CREATE'),
       ARRAY(SELECT rolname::text FROM pg_catalog.pg_roles WHERE rolname = ANY ($1)),
       ARRAY(SELECT rolname::text FROM pg_catalog.pg_roles WHERE rolname = ANY ($1) AND pg_has_role(current_user, oid, 'MEMBER'))
FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user`, groupRoleNames()).
		Scan(&user, &database, &mayCreateRoles, &inDatabase, &inPublic, &existing, &member)
	if err != nil {
		return "", nil, false, fmt.Errorf("read rights: %w", err)
	}
	if !mayCreateRoles {
		for _, r := range groupRoles {
			if !slices.Contains(existing, r.name) {
				statements, needed = append(statements, "CREATE ROLE "+r.name+" "+r.attributes+";"), true
			}
		}
		lacking := slices.DeleteFunc(slices.Clone(memberOf), func(role string) bool { return slices.Contains(member, role) })
		if len(lacking) > 0 {
			statements = append(statements, "GRANT "+strings.Join(lacking, ", ")+" TO "+user+";")
		}
	}
	if !inDatabase {
		statements, needed = append(statements, "GRANT CREATE ON DATABASE "+database+" TO "+user+";"), true
	}
	if !inPublic {
		statements, needed = append(statements, "GRANT USAGE, CREATE ON SCHEMA public TO "+user+";"), true
	}
	return user, statements, needed, nil
}

// ahead checks before the first statement whether there is nothing to do, and whether the
// user has all necessary privileges.
func (m *Migrator) ahead(ctx context.Context, db Beginner) (nothing bool, err error) {
	err = pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		states, err := m.Status(ctx, tx)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(states, func(s State) bool { return s.AppliedAt.IsZero() || s.Changed || s.Unknown }) {
			nothing = true
			return nil
		}
		user, statements, needed, err := AdminStatements(ctx, tx)
		if err == nil && needed && len(m.all) == len(builtin()) {
			err = &RightsError{User: user, Statements: statements}
		}
		return err
	})
	return nothing, err
}
