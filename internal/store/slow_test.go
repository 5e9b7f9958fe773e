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

// late hands on what it reads, each piece a while after it came. It bounds no
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

// TestManyRefusedRowsHoldTheNextBatchForSecondsOnly: 10,000 rows that a rule of
// the host application refuses, every second one and then all of them, over a way
// of 10 ms to the database.
func TestManyRefusedRowsHoldTheNextBatchForSecondsOnly(t *testing.T) {
	for name, every := range map[string]int{"every row": 1, "every second row": 2, "every thousandth row": 1000} {
		t.Run(name, func(t *testing.T) {
			db := pgtest.New(t)
			db.Exec(`ALTER TABLE public.api_usage ADD CONSTRAINT no_poison CHECK (service <> 'poison')`)
			pool, trips := farAway(t, db, 10*time.Millisecond)
			w := write.New(pool, write.Options{Encode: func(b []byte, r *usage.Record) []byte { return append(b, r.RequestID...) }})
			records := calls(0, 10_000)
			bad := 0
			for i := 0; i < len(records); i += every {
				records[i].Service = "poison"
				bad++
			}
			start := time.Now()
			result, err := w.Write(t.Context(), records)
			require.NoError(t, err)
			t.Logf("%d of 10,000 rows refused: %.1f s, %d trips to the server", bad, time.Since(start).Seconds(), trips.Load())
			// The trips are what does not depend on how busy this machine is.
			assert.Less(t, trips.Load(), int64(300))
			assert.Less(t, time.Since(start), time.Minute)
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
