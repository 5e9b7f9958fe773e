package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// farAway is a pool of the same database with a round trip of at least that long.
// trips counts how often something is sent after an answer.
func farAway(t *testing.T, db *pgtest.DB, roundTrip time.Duration) (pool *pgxpool.Pool, trips *atomic.Int64) {
	t.Helper()
	trips = &atomic.Int64{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	config := db.Pool.Config()
	target := config.ConnConfig.DialFunc
	network, address := "tcp", fmt.Sprintf("%s:%d", config.ConnConfig.Host, config.ConnConfig.Port)
	if config.ConnConfig.Host != "" && config.ConnConfig.Host[0] == '/' {
		network, address = "unix", fmt.Sprintf("%s/.s.PGSQL.%d", config.ConnConfig.Host, config.ConnConfig.Port)
	}
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := target(context.Background(), network, address)
			if err != nil {
				near.Close()
				return
			}
			var answered atomic.Bool
			go late(far, near, roundTrip/2, func() {
				if answered.Swap(false) {
					trips.Add(1)
				}
			})
			go late(near, far, roundTrip/2, func() { answered.Store(true) })
		}
	}()
	config.ConnConfig.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", listener.Addr().String())
	}
	pool, err = pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool, trips
}

// late passes on what it reads, each piece a while after it came. It bounds no
// throughput.
func late(to, from net.Conn, by time.Duration, came func()) {
	type piece struct {
		data []byte
		due  time.Time
	}
	pieces := make(chan piece, 1<<16)
	go func() {
		defer to.Close()
		for p := range pieces {
			time.Sleep(time.Until(p.due))
			if _, err := to.Write(p.data); err != nil {
				return
			}
		}
	}()
	defer close(pieces)
	for {
		data := make([]byte, 32<<10)
		n, err := from.Read(data)
		if n > 0 {
			came()
			pieces <- piece{data[:n], time.Now().Add(by)}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				from.Close()
			}
			return
		}
	}
}

// TestManyRefusedRowsHoldTheNextBatchForSecondsOnly: 10,000 rows of which a rule of
// the host application refuses many, over a way of 10 ms to the database. What is
// counted does not depend on how busy this machine is: trips, statements that are
// tried, and statements that came as far as the sums.
func TestManyRefusedRowsHoldTheNextBatchForSecondsOnly(t *testing.T) {
	check := `ALTER TABLE public.api_usage ADD CONSTRAINT no_poison CHECK (service <> 'poison')`
	foreignKey := `CREATE TABLE public.service (name text PRIMARY KEY); INSERT INTO public.service VALUES ('shop'); ALTER TABLE public.api_usage ADD CONSTRAINT known_service FOREIGN KEY (service) REFERENCES public.service`
	for name, c := range map[string]struct {
		rule  string
		every int
	}{
		"every row":            {check, 1},
		"every second row":     {check, 2},
		"every thousandth row": {check, 1000},
		"every second row, where no row is named": {foreignKey, 2},
	} {
		t.Run(name, func(t *testing.T) {
			db := pgtest.New(t)
			for _, sql := range splitStatements(c.rule + `; CREATE SEQUENCE public.tried; CREATE SEQUENCE public.summed;
				CREATE FUNCTION public.count_statement() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval(TG_ARGV[0]::regclass); RETURN NULL; END $$;
				CREATE TRIGGER tried BEFORE INSERT ON public.api_usage FOR EACH STATEMENT EXECUTE FUNCTION public.count_statement('public.tried');
				CREATE TRIGGER summed AFTER INSERT ON public.api_usage FOR EACH STATEMENT EXECUTE FUNCTION public.count_statement('public.summed')`) {
				db.Exec(sql)
			}
			pool, trips := farAway(t, db, 10*time.Millisecond)
			w := write.New(pool, write.Options{Encode: func(b []byte, r *usage.Record) []byte { return append(b, r.RequestID...) }})
			records := calls(0, 10_000)
			bad := 0
			for i := 0; i < len(records); i += c.every {
				records[i].Service = "poison"
				bad++
			}
			start := time.Now()
			result, err := w.Write(t.Context(), records)
			require.NoError(t, err)
			took := time.Since(start)
			tried, summed := number[int](db, `SELECT last_value FROM public.tried`), number[int](db, `SELECT last_value FROM public.summed`)
			t.Logf("%d of 10,000 rows refused: %.1f s, %d trips to the server, %d statements tried, %d summed", bad, took.Seconds(), trips.Load(), tried, summed)
			assert.LessOrEqual(t, trips.Load(), int64(150), "1.5 s of 10 ms each; how the network divides answers adds a few")
			assert.LessOrEqual(t, summed, 10, "a batch for each 2,000 rows")
			assert.LessOrEqual(t, tried, 10_000+bad+10_000/25+25, "one for a good row, two for a bad one")
			assert.Len(t, result.Parked, bad)
			assert.Equal(t, 10_000-bad, result.Inserted)
			assert.Equal(t, fmt.Sprintf("%d|%d", 10_000-bad, bad), db.Text(`SELECT (SELECT count(*) FROM public.api_usage), (SELECT count(*) FROM public.usage_dead_letter)`))
			assert.Equal(t, noDifferences, db.Text(rollupDifferences))
		})
	}
}

// TestWhatIsParkedStaysWhenTheTimeIsUp: a batch whose time ends half-way has
// saved what it found.
func TestWhatIsParkedStaysWhenTheTimeIsUp(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`ALTER TABLE public.api_usage ADD CONSTRAINT no_poison CHECK (service <> 'poison')`)
	// The last third, in the order of ids, takes more time than there is.
	records := calls(0, 6000)
	for i := range records {
		if i%2 == 0 {
			records[i].Service = "poison"
		}
	}
	db.Exec(`CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF NEW.id > 'aaaaaaaa-0000-0000-0000-000000000000' THEN PERFORM pg_sleep(3600); END IF; RETURN NEW; END $$`)
	db.Exec(`CREATE TRIGGER slow BEFORE INSERT ON public.api_usage FOR EACH ROW EXECUTE FUNCTION public.slow()`)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error)
	go func() {
		_, err := newWriter(t, db, write.Options{}).Write(ctx, records)
		done <- err
	}()
	require.Eventually(t, func() bool {
		var stored, parked int
		db.Scan(`SELECT (SELECT count(*) FROM public.api_usage), (SELECT count(*) FROM public.usage_dead_letter)`, nil, &stored, &parked)
		return stored > 0 && parked > 0
	}, time.Minute, 50*time.Millisecond, "something is stored and something parked before the time is up")
	cancel()
	require.Error(t, <-done)
}
