package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// builtCollector is the binary that `make test` built, or one of our own.
func builtCollector(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs the built collector and PostgreSQL")
	}
	binary := os.Getenv("OTELCOL_USAGE_BINARY")
	if binary == "" {
		binary = filepath.Join(t.TempDir(), "otelcol-usage")
		out, err := exec.CommandContext(t.Context(), "go", "build", "-C", "../../distribution", "-o", binary, ".").CombinedOutput()
		require.NoError(t, err, string(out))
	}
	return binary
}

// TestNothingIsLostAndNothingDoubledWhateverBreaks is the short form of make
// chaos.
func TestNothingIsLostAndNothingDoubledWhateverBreaks(t *testing.T) {
	var out bytes.Buffer
	o := options{collector: builtCollector(t), kills: 2, down: 2 * time.Second, settle: time.Minute, out: &out}
	short := faults(o)
	short = slices.DeleteFunc(short, func(f fault) bool { // each longer than ten others
		return strings.HasPrefix(f.name, "connections that pass nothing") || strings.HasPrefix(f.name, changed) && strings.HasSuffix(f.name, "are locked")
	})
	assert.True(t, chaos(t.Context(), o, short), out.String())
	t.Log("\n" + out.String())
	assert.Regexp(t, `\nkills \d\d, lost 0, double 0\n$`, out.String())
	leftOver, err := filepath.Glob(filepath.Join(os.TempDir(), "usage-chaos-*", "collector0.yaml"))
	require.NoError(t, err)
	for _, file := range leftOver {
		text, err := os.ReadFile(file)
		assert.False(t, err == nil && strings.Contains(string(text), o.collector), "left behind: %s", file)
	}
}

// TestItSeesWhatIsLostDoubledParkedAndMiscounted: a run that cannot fail proves
// nothing.
func TestItSeesWhatIsLostDoubledParkedAndMiscounted(t *testing.T) {
	binary := builtCollector(t)
	for name, c := range map[string]struct{ sql, last string }{
		// Both collectors bring the call; the trigger keeps out the one that
		// comes after the deletion.
		"lost": {
			`CREATE FUNCTION public.lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
			 CREATE TRIGGER lose BEFORE INSERT ON public.api_usage FOR EACH ROW WHEN (NEW.request_id = 'chaos-7') EXECUTE FUNCTION public.lose();
			 DELETE FROM public.api_usage WHERE request_id = 'chaos-7'`, "kills 0, lost 1, double 0",
		},
		"double": {`INSERT INTO public.api_usage (usage_dollars, api_type, request_id, tokens_used) VALUES (0, 'text', 'chaos-7', 114)`, "kills 0, lost 0, double 1"},
		"changed": {
			`UPDATE public.api_usage SET tokens_used = 1 WHERE request_id = 'chaos-7'`, "kills 0, lost 1, double 1",
		},
		"parked": {
			`INSERT INTO public.usage_dead_letter (digest, id, sqlstate, constraint_name, column_name, reason, record)
			 VALUES (gen_random_uuid(), gen_random_uuid(), '', '', '', '', '')`, "kills 0, lost 0, double 0",
		},
		"miscounted": {`UPDATE public.usage_quarter_type SET calls = calls + 1`, "kills 0, lost 0, double 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			sabotage := fault{"sabotage", func(ctx context.Context, l *lab) (seen, error) {
				pool, err := l.connect(ctx)
				if err != nil {
					return seen{}, err
				}
				defer pool.Close()
				return seen{}, l.until(ctx, "call 7 is stored", func() (bool, error) {
					var there bool
					if err := pool.QueryRow(ctx, `SELECT count(*) = 1 FROM public.api_usage WHERE request_id = 'chaos-7'`).Scan(&there); err != nil || !there {
						return false, err
					}
					_, err := pool.Exec(ctx, c.sql)
					return err == nil, err
				})
			}}
			assert.False(t, chaos(t.Context(), options{collector: binary, settle: 4 * time.Second, out: &out}, []fault{sabotage}), out.String())
			assert.True(t, strings.HasSuffix(out.String(), "\n"+c.last+"\n"), out.String())
		})
	}
}
