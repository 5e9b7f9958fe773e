package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

func fileOf(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "f.csv")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

// TestTeamsAreWhatTheFileSays imports as the role that may do nothing else.
func TestTeamsAreWhatTheFileSays(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	planner, reader := db.DSN+"&role=usage_planner", db.DSN+"&role=usage_reader"
	// The host's own id of ada is not the one that is made of her name.
	db.Exec(`INSERT INTO auth.users (id, external_id) VALUES ('11111111-1111-1111-1111-111111111111', 'ada')`)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, user_id) VALUES (now() - interval '2 days', 1, 'text', '11111111-1111-1111-1111-111111111111')`)
	assert.Regexp(t, `no team +1\n`, must(t, reader, "teams", "status"))

	members := "team,user,since,until\nSearch,ada,2026-01-01,2026-02-01\nShop,ada,2026-02-01,\nShop,eve,,\nSearch,6f9619ff-8b86-4d11-b42d-00c04fc964ff,,\n"
	out := must(t, planner, "teams", "import", fileOf(t, members), "--dry-run")
	assert.Equal(t, []string{
		"Search 6f9619ff-8b86-4d11-b42d-00c04fc964ff (has not called yet) added always",
		"Search ada added 2026-01-01 until 2026-02-01",
		"Shop ada added since 2026-02-01", "Shop eve (has not called yet) added always",
		"4 changes, 0 of which take days away; nothing was stored",
	}, lines(out))
	assert.Equal(t, "0", db.Text(`SELECT count(*) FROM public.usage_team_membership`))
	assert.Contains(t, must(t, planner, "teams", "import", fileOf(t, members)), "4 changes stored")
	assert.Equal(t, "nothing to change\n", must(t, planner, "teams", "import", fileOf(t, members)))
	assert.Equal(t, usage.UserID("eve").String()+"|eve", db.Text(`SELECT id, external_id FROM auth.users WHERE external_id = 'eve'`), "as the writer would add them")
	assert.Equal(t, "1", db.Text(`SELECT count(*) FROM auth.users WHERE external_id IS NULL`), "a UUID is no name")

	// Eve leaves, and the file does not say since when ada is in Shop.
	today := time.Now().UTC().Format(time.DateOnly)
	members = "team,user,since,until\nShop,ada,,\n"
	_, err := on(t, planner, "teams", "import", fileOf(t, members), "--on", today)
	require.ErrorContains(t, err, "1 of 1 changes take days away from a team")
	assert.Equal(t, []string{"Shop eve until " + today + ", was always", "1 changes stored"}, lines(must(t, planner, "teams", "import", fileOf(t, members), "--on", today, "--yes")))
	assert.Equal(t, "nothing to change\n", must(t, planner, "teams", "import", fileOf(t, members), "--on", today))
	assert.Equal(t, []string{"TEAM COST CENTRE USER DAYS", "Search 6f9619ff-8b86-4d11-b42d-00c04fc964ff always", "Shop ada since 2026-02-01"}, lines(must(t, reader, "teams", "list")))
	assert.Contains(t, must(t, planner, "teams", "import", fileOf(t, "team,user,since,until\nLabs,ada,,\n"), "--dry-run"), "users in several teams on the same days: 1, such as ada")

	// Cost centres.
	centres := "team,cost_centre,since,until\nSearch,C1,,2026-03-01\nSearch,C2,2026-03-01,\nShop,C1,,\n"
	assert.Contains(t, must(t, planner, "teams", "import", "--cost-centres", fileOf(t, centres)), "3 changes stored")
	assert.Equal(t, "nothing to change\n", must(t, planner, "teams", "import", "--cost-centres", fileOf(t, centres)))
	assert.Equal(t, []string{
		"TEAM COST CENTRE USER DAYS", "Search C1 ada 2026-01-01 until 2026-02-01", "Search C1, C2 6f9619ff-8b86-4d11-b42d-00c04fc964ff always",
	}, lines(must(t, reader, "teams", "list", "Search", "--all")))
	assert.Equal(t, []string{"TEAM COST CENTRE USER DAYS", "Shop C1 eve always"}[:1], lines(must(t, reader, "teams", "list", "Labs")))
	_, err = on(t, planner, "teams", "import", "--cost-centres", fileOf(t, "team,cost_centre,since,until\nShop,C3,,\n"))
	require.ErrorContains(t, err, "take days away")

	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, user_id) VALUES ('2026-01-31 23:59:59Z', 2, 'text', '11111111-1111-1111-1111-111111111111'),
		('2026-02-01', 4, 'text', '11111111-1111-1111-1111-111111111111'), ('2026-02-01', 8, 'text', NULL)`)
	report := []string{"showback", "--start", "2026-01-01", "--end", "2026-02-28", "--teams"}
	assert.Equal(t, []string{"COST CENTRE COST $ CALLS UNPRICED TOKENS", "Shop 4.000000 1 0 0", "Search 2.000000 1 0 0", "(no user) 8.000000 1 0 0", "total 14.000000 3 0 0"}, lines(must(t, reader, report...)))
	assert.Equal(t, []string{"COST CENTRE COST $ CALLS UNPRICED TOKENS", "C1 6.000000 2 0 0", "(no user) 8.000000 1 0 0", "total 14.000000 3 0 0"}, lines(must(t, reader, append(report, "--cost-centres")...)))
	status := must(t, reader, "teams", "status")
	for _, want := range []string{`teams +2\n`, `users in a team +2\n`, `several teams +0\n`, `no team +0\n`, `without a cost centre +0\n`, `without members +0\n`} {
		assert.Regexp(t, want, status)
	}
}

func TestTeamsOfAHostHaveItsUsersAlone(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`UPDATE public.usage_setting SET value = 'false' WHERE name = 'users_managed'`)
	_, err := on(t, db.DSN, "teams", "import", fileOf(t, "team,user,since,until\nShop,eve,,\nLabs,eve,,\n"))
	require.ErrorContains(t, err, "users of the file that are not in auth.users, which belongs to your application, so that only it can add them: 1, such as eve")
}

func TestAFileOfTeamsWithAFaultIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		centres    bool
		text, says string
	}{
		{false, "team,cost_centre,since,until\n", "must be the header team,user,since,until"},
		{true, "team,user,since,until\n", "must be the header team,cost_centre,since,until"},
		{false, "team,user,since,until\n", "f.csv has no teams"},
		{false, "team,user,since,until\n(unassigned),ada,,", `f.csv:2: team: found "(unassigned)"`},
		{false, "team,user,since,until\nShop,,,", `f.csv:2: user: found ""`},
		{false, "team,user,since,until\nShop,ada,2026-02-30,", `since: found "2026-02-30"`},
		{true, "team,cost_centre,since,until\nShop,,,", `cost_centre: found ""`},
		{true, "team,cost_centre,since,until\nShop,A,,2026-02-01\nShop,B,2026-01-31,", `f.csv:3: team "Shop" belongs to "A" on some of these days already`},
	} {
		_, err := readAssignments("f.csv", strings.NewReader(c.text), c.centres)
		require.ErrorContains(t, err, c.says, c.text)
	}
	_, err := run(t, "teams", "import", "--on", "today", "x.csv")
	require.ErrorContains(t, err, `--on: found "today"`)
	_, err = run(t, "teams", "list", "--on", "today")
	require.ErrorContains(t, err, `--on: found "today"`)
}

// TestTheFilesOfThePageAreRead reads the examples of docs/attribution.md.
func TestTheFilesOfThePageAreRead(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../../docs/attribution.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```csv\n(.*?)```").FindAllSubmatch(page, -1)
	require.Len(t, blocks, 2)
	for i, block := range blocks {
		list, err := readAssignments("page", bytes.NewReader(block[1]), i == 1)
		require.NoError(t, err)
		assert.Len(t, list, 3)
	}
}

// must runs a command that succeeds.
func must(t *testing.T, dsn string, args ...string) string {
	t.Helper()
	out, err := on(t, dsn, args...)
	require.NoError(t, err)
	return out
}

// lines returns the lines of a table with one space between words.
func lines(out string) (list []string) {
	for line := range strings.Lines(out) {
		list = append(list, strings.Join(strings.Fields(line), " "))
	}
	return list
}
