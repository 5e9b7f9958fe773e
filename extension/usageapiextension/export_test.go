package usageapiextension

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// fillWide makes 5,000 calls of 8 KiB each: no export of them fits into what
// the connections on its way hold.
func fillWide(t testing.TB, db *pgtest.DB) {
	t.Helper()
	db.Exec(`
		INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, metadata)
		SELECT '2026-01-30Z'::timestamptz + n * interval '1 second', 0.001, 'text', jsonb_build_object('text', repeat(md5(n::text), 256))
		FROM generate_series(1, 5000) n`)
}

// openExport asks for a file and reads its first line.
func openExport(ctx context.Context, t testing.TB, address, query string) (*http.Response, *bufio.Reader) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/api/admin/usage/export?"+query, http.NoBody)
	require.NoError(t, err)
	r.Header.Set("Authorization", callers["admin"])
	r.Header.Set("Accept-Encoding", "identity")
	w, err := http.DefaultTransport.RoundTrip(r)
	require.NoError(t, err)
	require.Equal(t, 200, w.StatusCode)
	body := bufio.NewReader(w.Body)
	_, err = body.ReadString('\n')
	require.NoError(t, err)
	return w, body
}

// TestACallerWhoGoesAwayEndsTheExport: the place, the connection and the
// reading are free again, and what they got is in the audit.
func TestACallerWhoGoesAwayEndsTheExport(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	fillWide(t, db)
	a, address, logs := startAPI(t, db.DSN, &statusHost{})
	for range 2 * cap(a.exports) { // more than there are places
		ctx, leave := context.WithCancel(t.Context())
		w, _ := openExport(ctx, t, address, "")
		leave()
		_ = w.Body.Close()
		require.Eventually(t, func() bool { return len(a.exports) == 0 && a.pool.Stat().AcquiredConns() == 0 }, time.Minute, time.Millisecond)
	}
	lines := logs.FilterMessage("An administrator read usage").All()
	require.Len(t, lines, 2*cap(a.exports))
	assert.Equal(t, true, lines[0].ContextMap()["broke_off"])
	assert.Positive(t, lines[0].ContextMap()["rows"])
}

// TestAnExportThatBreaksOffLooksBroken: no row count, and an unfinished body.
func TestAnExportThatBreaksOffLooksBroken(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	fillWide(t, db)
	_, address, _ := startAPI(t, db.DSN, &statusHost{})
	w, body := openExport(t.Context(), t, address, "format=jsonl")
	defer w.Body.Close()
	require.NotEqual(t, "0", db.Text(`SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'otelcol-usage usage_api' AND query LIKE '%FROM public.api_usage%' AND state = 'active'`))
	_, err := io.Copy(io.Discard, body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.Empty(t, w.Trailer.Get(rowCountTrailer))
}

// TestShutdownLetsAnswersEnd: an export that runs is finished, and nobody new is
// let in.
func TestShutdownLetsAnswersEnd(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	fillWide(t, db)
	a, address, _ := startAPI(t, db.DSN, &statusHost{})
	w, body := openExport(t.Context(), t, address, "")
	defer w.Body.Close()
	ended := make(chan error, 1)
	go func() { ended <- a.Shutdown(context.Background()) }()
	require.Eventually(t, func() bool {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/api/openapi.json", http.NoBody)
		require.NoError(t, err)
		answer, err := (&http.Transport{}).RoundTrip(r)
		if err == nil {
			_ = answer.Body.Close()
		}
		return err != nil
	}, time.Minute, time.Millisecond)
	_, err := io.Copy(io.Discard, body)
	require.NoError(t, err)
	assert.Equal(t, "5000", w.Trailer.Get(rowCountTrailer))
	require.NoError(t, <-ended)
}

// TestEveryExportAddsUpToTheSummary: the three files and the answer give the
// same total.
func TestEveryExportAddsUpToTheSummary(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	fillMany(t, db, 7, 3000, 5)
	api := newTestAPI(t, db.DSN, endOfJanuary)
	want := db.Text(`SELECT trim_scale(sum(usage_dollars)) FROM public.api_usage`)
	assert.Contains(t, api.get(t, "admin", "/api/admin/usage").Body.String(), `{"current":{"totalCost":`+want+`,`)
	for format, column := range map[string]string{"csv": "cost", "focus": "BilledCost"} {
		w := api.get(t, "admin", "/api/admin/usage/export?format="+format)
		assert.Equal(t, want, addColumn(t, readCSV(t, w.Body.Bytes()), column), format)
	}
	var sum usage.Sum
	for line := range jsonLines(t, api.get(t, "admin", "/api/admin/usage/export?format=jsonl").Body.Bytes()) {
		sum = sum.Plus(*line.Cost)
	}
	assert.Equal(t, want, sum.String())
}

// BenchmarkExport reports how much memory an export takes at most beyond what
// was taken before it: the same for ten times as many rows.
func BenchmarkExport(b *testing.B) {
	for _, rows := range []int{20_000, 200_000} {
		db := pgtest.New(b)
		fillMany(b, db, 100, rows, 30)
		_, address, _ := startAPI(b, db.DSN, &statusHost{})
		for _, format := range []string{"csv", "jsonl", "focus"} {
			b.Run(format+"/"+strconv.Itoa(rows), func(b *testing.B) {
				var peak, sent int64
				for b.Loop() {
					runtime.GC()
					before := heapInUse()
					w, body := openExport(b.Context(), b, address, "format="+format)
					chunk := make([]byte, 1<<20)
					for {
						n, err := body.Read(chunk)
						sent += int64(n)
						peak = max(peak, heapInUse()-before)
						if err == io.EOF {
							break
						}
						require.NoError(b, err)
					}
					_ = w.Body.Close()
					require.NotEmpty(b, w.Trailer.Get(rowCountTrailer))
				}
				b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
				b.ReportMetric(float64(sent)/float64(b.N)/(1<<20), "file-MiB")
				b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			})
		}
	}
}

func heapInUse() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}
