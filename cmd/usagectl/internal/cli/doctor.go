package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// newDoctor returns the command that examines an installation and prints each problem with
// the command that repairs it.
func newDoctor() *cobra.Command {
	var api, bundle string
	var repair bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Checks the database and the API and reports what is wrong",
		Long: `Checks the database and the API and reports what is wrong. The exit status is 1 when
something needs to be done; what only deserves a look is marked "look". The database
user needs the role usage_reader.

--bundle writes the same to a file, with everything else that a bug report needs:
builds, system, migrations, and how many calls of the last 30 days have which status
and reason. It contains no credentials, users or content, but it names models,
providers and services. Read it before you send it.`,
		Args: cobra.NoArgs,
	}
	db, config := addDatabase(cmd), addBook(cmd)
	cmd.Flags().BoolVar(&repair, "repair-roles", false, "set changed settings of the role usage_grafana back to those of the migration, and grant again what our roles have lost; needs the rights of the migrating role")
	cmd.Flags().StringVar(&api, "api", "", "address of the usage_api extension to ask too, such as http://127.0.0.1:8080")
	cmd.Flags().StringVar(&bundle, "bundle", "", "write a report of the installation into this new file")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		pool, err := db.open(cmd.Context())
		if err != nil {
			return err
		}
		defer pool.Close()
		examine := func() error {
			if repair {
				if err := repairRoles(cmd, pool); err != nil {
					return err
				}
			}
			e := &examination{cmd: cmd}
			if e.database(cmd.Context(), pool, time.Now()) {
				e.book(cmd.Context(), pool, *config, time.Now())
			}
			if api != "" {
				e.api(cmd.Context(), api)
			}
			return e.result()
		}
		if bundle == "" {
			return examine()
		}
		return bundled(cmd, pool, bundle, examine)
	}
	return cmd
}

// examination prints one line per check.
type examination struct {
	cmd    *cobra.Command
	faults int
}

func (e *examination) result() error {
	switch e.faults {
	case 0:
		return nil
	case 1:
		return errors.New("1 thing needs doing")
	}
	return fmt.Errorf("%d things need doing", e.faults)
}

func (e *examination) fine(what, format string, args ...any) {
	e.cmd.Printf("ok    %-10s %s\n", what, fmt.Sprintf(format, args...))
}

func (e *examination) look(what, format string, args ...any) {
	e.cmd.Printf("look  %-10s %s\n", what, fmt.Sprintf(format, args...))
}

func (e *examination) fault(what, format string, args ...any) {
	e.faults++
	e.cmd.Printf("FAULT %-10s %s\n", what, fmt.Sprintf(format, args...))
}

// The age of the last call and the share of unpriced calls from which they are reported.
// Both can be harmless: an app may be quiet, a model may be free.
const (
	quietAfter    = 24 * time.Hour
	unpricedShare = 0.05
)

// database reports whether the database can be queried.
func (e *examination) database(ctx context.Context, pool *pgxpool.Pool, now time.Time) bool {
	start := time.Now()
	if err := pool.Ping(ctx); err != nil {
		e.fault("database", "does not answer: %s", advised(err))
		return false
	}
	took := time.Since(start)
	err := dbmigrate.Check(ctx, pool)
	var schema *dbmigrate.SchemaError
	switch {
	case err == nil:
		e.fine("schema", "version %d", dbmigrate.Latest())
	case errors.As(err, &schema) && schema.State == dbmigrate.TooNew:
		e.look("schema", "%v", err)
	default:
		e.fault("schema", "%s", advised(err))
		if roles := rolesBefore(ctx, pool, err); roles != "" {
			e.look("roles", "%s", roles)
		}
		return false
	}
	h, err := upkeep.ReadHealth(ctx, pool, now)
	if err != nil {
		e.fault("database", "%s", advised(err))
		return false
	}
	kind := "PostgreSQL " + h.ServerVersion
	if h.Citus {
		kind += " with Citus"
	}
	e.fine("database", "%s, connected and answered in %v", kind, took.Round(time.Millisecond))
	users := "auth.users is managed by otelcol-usage"
	if !h.UsersManaged {
		users = "auth.users belongs to the host application"
	}
	e.fine("users", "%s", users)
	for _, schema := range h.OpenSchemas {
		e.look("rights", "everybody who can log in may create objects in the schema %[1]s, and whoever leaves the schema out of a name may call them; as its owner: REVOKE CREATE ON SCHEMA %[1]s FROM PUBLIC", schema)
	}
	e.calls(h, now)
	if h.Parked > 0 {
		e.fault("refused", "%s in public.usage_dead_letter, most recent at %s: %s; to see them all: usagectl parked list; docs/troubleshooting.md says what to do", plural(h.Parked, "record"), h.ParkedLast.UTC().Format(time.RFC3339), h.ParkedReason)
	} else {
		e.fine("refused", "no record%s", dismissed(h.Dismissed))
	}
	if h.Conflicts > 0 {
		e.look("conflicts", "%s of the last 7 days came under the id of another and are rows of their own, with the reason id_reused; to see them: SELECT * FROM public.api_usage WHERE pricing_reason = 'id_reused'; docs/troubleshooting.md says what to do", plural(h.Conflicts, "call"))
	} else {
		e.fine("conflicts", "no call of the last 7 days has the id of another; %s took larger counts", plural(h.Corrections, "call"))
	}
	if len(h.Sampled) > 0 {
		e.look("sampling", "traces are sampled, so that sums are a share of what was spent: %s; docs/sampling.md says how to keep the traces of AI calls", strings.Join(h.Sampled, ", "))
	} else {
		e.fine("sampling", "no trace of the last quarter hour with calls was sampled")
	}
	e.rollups(ctx, pool, h, now)
	e.partitions(ctx, pool, now)
	e.grafanaRole(ctx, pool)
	e.rights(ctx, pool)
	return true
}

// oldPrices is the age from which a book is reported when calls name models that it does
// not have.
const oldPrices = 30 * 24 * time.Hour

// book looks for models that are newer than the book.
func (e *examination) book(ctx context.Context, pool *pgxpool.Pool, config pricing.Config, now time.Time) {
	b, err := pricing.Load(config)
	if err != nil {
		e.fault("book", "%s", advised(err))
		return
	}
	missing, _, err := upkeep.MissingPrices(ctx, pool, now.AddDate(0, 0, -30), now)
	if err != nil {
		e.fault("book", "%s", advised(err))
		return
	}
	models, calls := map[[2]string]bool{}, int64(0)
	for i := range missing {
		m := &missing[i]
		c := pricing.Call{Provider: m.Provider, Model: m.Model, RequestModel: m.RequestModel, At: m.Last, Quantities: m.Quantities}
		if b.Price(&c).Reason == usage.ReasonUnknownModel {
			models[[2]string{m.Provider, m.Model}] = true
			calls += m.Calls
		}
	}
	age := "says no day up to which it knows prices"
	if asOf := b.AsOf(); !asOf.IsZero() {
		age = "knows prices up to " + asOf.Format(time.DateOnly)
	}
	text := fmt.Sprintf("%s %s; %s of 30 days name %s that it does not know", bookName(config), age, plural(calls, "call"), plural(len(models), "model"))
	switch {
	case len(models) == 0:
		e.fine("book", "%s %s, and all models of 30 days", bookName(config), age)
	case now.Sub(b.AsOf()) > oldPrices:
		e.look("book", "%s; newer public prices: usagectl prices update, then usagectl reprice --changed", text)
	default:
		e.look("book", "%s; usagectl prices missing lists them", text)
	}
}

func (e *examination) calls(h upkeep.Health, now time.Time) {
	switch {
	case h.LastCall.IsZero():
		e.look("calls", "none yet; is genai_usage in the traces pipeline before usage_postgres, and do the apps send spans?")
		return
	case now.Sub(h.LastCall) > quietAfter:
		e.look("calls", "the last one is of %s; do the apps still send spans?", h.LastCall.UTC().Format(time.RFC3339))
	default:
		e.fine("calls", "%d in 7 days, the last one in the quarter hour of %s%s", h.Calls, h.LastCall.UTC().Format(time.RFC3339), storedAt(h))
	}
	if h.Calls == 0 {
		return
	}
	e.fine("queue", "at that pace a collector's queue holds %s on disk (4 GiB), %s in memory (64 MiB)", queueLasts(4<<30, h.Calls), queueLasts(64<<20, h.Calls))
	share := float64(h.Unpriced) / float64(h.Calls)
	text := fmt.Sprintf("no price for %d of %s in 7 days (%.1f %%), %s", h.Unpriced, plural(h.Calls, "call"), 100*share, plural(h.Estimated, "is an estimate", "are estimates"))
	if share > unpricedShare {
		e.look("prices", "%s; to see why: usagectl prices missing", text)
	} else {
		e.fine("prices", "%s", text)
	}
}

// grafanaRole looks for changes that viewers of Grafana can make to the role of the
// dashboards.
func (e *examination) grafanaRole(ctx context.Context, pool *pgxpool.Pool) {
	r, err := upkeep.ReadGrafanaRole(ctx, pool)
	switch {
	case err != nil:
		e.fault("grafana", "%s", advised(err))
	case r.Bare && len(r.Changed) > 0:
		e.look("grafana", "the role usage_grafana has none of the limits that the migration gave it, as after a restore; run: usagectl doctor --repair-roles")
	case len(r.Changed) > 0:
		e.fault("grafana", "the role usage_grafana has other settings than the migration gave it: %s; a viewer can do that, and boards fail or show something else; run: usagectl doctor --repair-roles, and give the role a new password", strings.Join(r.Changed, ", "))
	case r.LargeObjects > 0:
		e.look("grafana", "the role usage_grafana owns %d large objects, which no board makes; as an administrator: SELECT lo_unlink(oid) FROM pg_largeobject_metadata WHERE lomowner = 'usage_grafana'::regrole; where nobody uses large objects: REVOKE EXECUTE ON FUNCTION pg_catalog.lo_from_bytea(oid, bytea), pg_catalog.lo_creat(integer), pg_catalog.lo_create(oid) FROM PUBLIC", r.LargeObjects)
	case r.TempFileLimit == "":
		e.look("grafana", "temporary files of the role usage_grafana have no limit; as an administrator: ALTER ROLE usage_grafana SET temp_file_limit = '1GB'")
	default:
		e.fine("grafana", "the role usage_grafana has the settings of the migration")
	}
	for _, setting := range r.Everywhere {
		if !strings.HasPrefix(setting, "temp_file_limit=") {
			e.look("grafana", "the role usage_grafana has a setting for all databases that no migration makes, %s; if nobody means it: ALTER ROLE usage_grafana RESET ALL", setting)
		}
	}
}

// rights looks for roles whose rights a member has revoked.
func (e *examination) rights(ctx context.Context, pool *pgxpool.Pool) {
	lost, err := dbmigrate.LostRights(ctx, pool)
	switch {
	case err != nil:
		e.fault("rights", "%s", advised(err))
	case len(lost) > 0:
		e.fault("rights", "without any right in this database: %s; whoever acts as such a role can do that (DROP OWNED BY); run: usagectl doctor --repair-roles, and give the logins of the role new passwords; where statements keep the sums, run then: usagectl migrate rollup statement", strings.Join(lost, ", "))
	default:
		e.fine("rights", "our roles have rights in this database")
	}
}

func repairRoles(cmd *cobra.Command, pool *pgxpool.Pool) error {
	repaired, err := upkeep.RepairGrafanaRole(cmd.Context(), pool)
	if err != nil {
		return err
	}
	granted, err := dbmigrate.New().GrantAgain(cmd.Context(), pool)
	if err != nil {
		return err
	}
	if repaired = append(repaired, granted...); len(repaired) > 0 {
		cmd.Printf("set back: %s\n", strings.Join(repaired, ", "))
	}
	return nil
}

// queueLasts returns how long a queue of the given size lasts at the rate of the last 7
// days.
func queueLasts(bytes, calls int64) string {
	const recordBytes = 450
	hours := float64(bytes) / recordBytes / float64(calls) * 7 * 24
	switch {
	case hours > 365*24:
		return "more than a year"
	case hours > 48:
		return fmt.Sprintf("%.0f days", hours/24)
	case hours > 1:
		return fmt.Sprintf("%.0f hours", hours)
	}
	return fmt.Sprintf("%.0f minutes", hours*60)
}

// dismissed says how many refused records were dismissed.
func dismissed(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" but %d dismissed", n)
}

// storedAt says when the last row was stored. A time long after its call means that it
// waited in a queue.
func storedAt(h upkeep.Health) string {
	if h.LastStored.IsZero() {
		return ""
	}
	return ", its row stored at " + h.LastStored.UTC().Format(time.RFC3339)
}

// rollups verifies the sums of this month and the previous one.
func (e *examination) rollups(ctx context.Context, pool *pgxpool.Pool, h upkeep.Health, now time.Time) {
	found, err := upkeep.Verify(ctx, pool, upkeep.VerifyOptions{From: now.AddDate(0, 0, -31)})
	switch {
	case err != nil:
		e.fault("rollups", "%s", advised(err))
	case len(found) > 0:
		e.fault("rollups", "%d differ from their calls (the first: %s of %s, by %s dollars); run: usagectl verify --repair", len(found), found[0].Rollup, found[0].Month.Format("2006-01"), found[0].Dollars)
	default:
		e.fine("rollups", "kept by %s, equal to the calls of the last 31 days", h.Rollup)
	}
	if !h.RetainedFrom.IsZero() {
		e.fine("retention", "calls before %s were deleted, their sums are kept", h.RetainedFrom.Format(time.DateOnly))
	}
}

// partitions prints nothing for a table that is not partitioned.
func (e *examination) partitions(ctx context.Context, pool *pgxpool.Pool, now time.Time) {
	p, err := upkeep.ReadPartitions(ctx, pool, now)
	switch {
	case err != nil:
		e.fault("partitions", "%s", advised(err))
	case p == nil:
	case p.Waiting > 0:
		e.look("partitions", "%d calls wait in the default partition for that of their month; run, and from cron: usagectl partition", p.Waiting)
	case p.Through.Before(now.AddDate(0, 1, 0)):
		e.look("partitions", "next month has none yet; run, and from cron: usagectl partition")
	default:
		e.fine("partitions", "there is one for each month until %s", p.Through.Format(time.DateOnly))
	}
}

// api asks without credentials; a refusal is a good answer.
func (e *examination) api(ctx context.Context, address string) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if u, err := url.Parse(address); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		e.fault("api", "%q is not a URL; expected something like http://127.0.0.1:8080", address)
		return
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(address, "/")+"/api/admin/usage", nil)
	if err != nil {
		e.fault("api", "%v", err)
		return
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		e.fault("api", "does not answer: %v; is usage_api in service::extensions, and is this its http::endpoint?", err)
		return
	}
	defer response.Body.Close()                                 //nolint:errcheck // only read
	body, _ := io.ReadAll(io.LimitReader(response.Body, 1<<20)) // what was read before an error is enough
	switch response.StatusCode {
	case http.StatusOK:
		e.look("api", "answers everybody who can reach it; give it an authenticator unless it is for this machine only")
	case http.StatusUnauthorized, http.StatusForbidden:
		e.fine("api", "answers and requires authentication")
	case http.StatusNotFound:
		e.fault("api", "answers with %s: something else than usage_api listens there", response.Status)
	default:
		e.fault("api", "answers with %s%s", response.Status, problemDetail(body))
	}
}

// problemDetail returns the detail of a problem document.
func problemDetail(body []byte) string {
	var problem struct{ Detail string }
	if json.Unmarshal(body, &problem) != nil || problem.Detail == "" {
		return ""
	}
	return ": " + problem.Detail
}

// advised returns the error in one line, with advice.
func advised(err error) string {
	return strings.Join(strings.Fields(advise(err, asReader).Error()), " ")
}
