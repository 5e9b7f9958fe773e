package engines_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/e2e/mockengine"
	"github.com/otelcol-usage/otelcol-usage/internal/metering"
	"github.com/otelcol-usage/otelcol-usage/internal/metering/engines"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

const key = "sk_of_the_test"

// at is a second of the current period of all mocks.
var at = time.Now().UTC().Truncate(time.Hour).Add(-time.Hour)

// engine is a mock of each kind.
type engine struct {
	kind    string
	handler http.Handler
	*mockengine.Engine
	code string // as the engine stores it
}

func mocks() []engine {
	o, l, s := &mockengine.OpenMeter{}, &mockengine.Lago{From: at.AddDate(0, 0, -3), To: at.AddDate(0, 0, 3)}, &mockengine.Stripe{}
	list := []engine{{metering.OpenMeter, o, &o.Engine, "m.used"}, {metering.Lago, l, &l.Engine, "m"}, {metering.Stripe, s, &s.Engine, "m"}}
	for _, e := range list {
		e.Key, e.Meters = key, []string{"other", "m"}
	}
	return list
}

// sink makes a client of a mock, and the meter m.
func sink(t *testing.T, kind string, h http.Handler, timeout time.Duration) (metering.Sink, *metering.Meter) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "key"), []byte(key+"\n"), 0o600))
	text := fmt.Sprintf("engines: {e: {engine: %s, endpoint: '%s', key_file: '%s/key', repeats_within: 24h}}\nmeters: {m: {engine: e, measure: cost, since: 2026-01-01, customer: {by: user}}}", kind, server.URL, folder)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "metering.yaml"), []byte(text), 0o600))
	c, err := metering.Load(filepath.Join(folder, "metering.yaml"))
	require.NoError(t, err)
	s, err := engines.New(c.Engines[0], timeout)
	require.NoError(t, err)
	return s, c.Meters[0]
}

// events are so many of customers x and y, of 0.000000000001 each.
func events(m *metering.Meter, n int) []metering.Event {
	list := make([]metering.Event, n)
	for i := range list {
		list[i] = metering.Event{ID: metering.EventID(usage.ID{14: byte(i >> 8), 15: byte(i)}, "m", 1), Meter: m, Customer: "xy"[i%2 : i%2+1], At: at, Quantity: decimal.New(1, -12)}
	}
	return list
}

func count(outcomes []metering.Outcome) map[metering.OutcomeState]int {
	n := map[metering.OutcomeState]int{}
	for _, o := range outcomes {
		n[o.State]++
	}
	return n
}

func TestAnEngineGetsEachEventOnceAndItsSumIsOurs(t *testing.T) {
	t.Parallel()
	for _, e := range mocks() {
		t.Run(e.kind, func(t *testing.T) {
			t.Parallel()
			s, m := sink(t, e.kind, e.handler, 0)
			require.NoError(t, s.Ready(t.Context(), m))
			list := events(m, s.Batch())
			for range 2 { // the second time it has them already
				outcomes, err := s.Send(t.Context(), m, list)
				require.NoError(t, err)
				assert.Equal(t, map[metering.OutcomeState]int{metering.Accepted: s.Batch()}, count(outcomes))
			}
			back := metering.Event{ID: "back", Meter: m, Customer: "x", At: at, Quantity: decimal.New(-1, -12)}
			_, err := s.Send(t.Context(), m, []metering.Event{back})
			require.NoError(t, err)
			assert.Len(t, e.Events(), s.Batch()+1)
			assert.Equal(t, s.Batch(), e.Repeated())
			total, err := s.Total(t.Context(), m, "x", at.Add(-time.Hour), at.Add(time.Hour))
			require.NoError(t, err)
			want := decimal.New(int64(s.Batch())/2-1, -12)
			assert.True(t, want.Equal(total.Quantity), "%s of %s", total.Quantity, want)
			first := e.Events()[0]
			assert.Equal(t, e.code, first.Code)
			assert.True(t, at.Equal(first.At), first.At)
			if e.kind == metering.Lago {
				assert.Equal(t, "0.0000000001", first.Cents, "our cost is the charge")
			}
		})
	}
}

func TestAFaultSaysWhetherTheEngineMayHaveTheEvents(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault mockengine.Fault
		state metering.OutcomeState
	}{
		{mockengine.Busy, metering.NotTaken}, {mockengine.Broken, metering.Unknown}, {mockengine.BrokenAfter, metering.Unknown},
		{mockengine.LostAfter, metering.Unknown}, {mockengine.SilentAfter, metering.Unknown},
	} {
		for _, e := range mocks() {
			t.Run(fmt.Sprint(e.kind, c.fault), func(t *testing.T) {
				t.Parallel()
				e.Fault = func(n int) mockengine.Fault {
					if n == 0 {
						return c.fault
					}
					return mockengine.None
				}
				timeout := time.Duration(0)
				if c.fault == mockengine.SilentAfter {
					timeout = 10 * time.Second
				}
				s, m := sink(t, e.kind, e.handler, timeout)
				require.NoError(t, s.Ready(t.Context(), m))
				list := events(m, 1)
				outcomes, err := s.Send(t.Context(), m, list)
				var busy *metering.Busy
				require.ErrorAs(t, err, &busy)
				assert.Equal(t, c.state, outcomes[0].State)
				outcomes, err = s.Send(t.Context(), m, list)
				require.NoError(t, err)
				assert.Equal(t, metering.Accepted, outcomes[0].State)
				assert.Len(t, e.Events(), 1)
			})
		}
	}
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		s, m := sink(t, metering.Lago, http.NotFoundHandler(), 0)
		client := httptest.NewServer(http.NotFoundHandler())
		client.Close()
		gone, _ := engines.New(metering.Engine{Kind: metering.Lago, Endpoint: client.URL, KeyFile: keyFile(t)}, 0)
		outcomes, err := gone.Send(t.Context(), m, events(m, 2))
		var busy *metering.Busy
		require.ErrorAs(t, err, &busy)
		assert.Equal(t, 2, count(outcomes)[metering.NotTaken])
		require.ErrorIs(t, s.Ready(t.Context(), m), metering.ErrMeter)
	})
}

func keyFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(path, []byte(key), 0o600))
	return path
}

func TestOneEventAtFaultIsRefusedAndTheOthersAreTaken(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		metering.OpenMeter: "Bad Request: an event is not valid", metering.Lago: "external_subscription_id: not_found",
		metering.Stripe: "meter_event_customer_not_found: No such customer: nobody",
	}
	for _, e := range mocks() {
		t.Run(e.kind, func(t *testing.T) {
			t.Parallel()
			e.Customers = map[string]bool{"x": true, "y": true}
			s, m := sink(t, e.kind, e.handler, 0)
			require.NoError(t, s.Ready(t.Context(), m))
			list := events(m, 40)
			list[17].Customer = "nobody"
			outcomes, err := s.Send(t.Context(), m, list)
			require.NoError(t, err)
			assert.Equal(t, map[metering.OutcomeState]int{metering.Accepted: 39, metering.Refused: 1}, count(outcomes))
			assert.Equal(t, want[e.kind], outcomes[17].Reason)
			assert.Len(t, e.Events(), 39)
		})
	}
}

func TestStripesWindowAndDigitsAreItsOwn(t *testing.T) {
	t.Parallel()
	e := mocks()[2]
	s, m := sink(t, e.kind, e.handler, 0)
	list := events(m, 4)
	list[0].At, list[1].At, list[2].Quantity = at.AddDate(0, 0, -36), at.AddDate(0, 0, 1), decimal.RequireFromString("1.234567890123456")
	outcomes, err := s.Send(t.Context(), m, list)
	require.NoError(t, err)
	for i, want := range []string{"timestamp_too_far_in_past", "timestamp_in_future", "meter_event_value_too_many_digits", ""} {
		assert.True(t, strings.HasPrefix(outcomes[i].Reason, want), outcomes[i].Reason)
	}
}

func TestAnUnknownMeterAndAWrongKeyStopBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	for _, e := range mocks() {
		t.Run(e.kind, func(t *testing.T) {
			t.Parallel()
			s, m := sink(t, e.kind, e.handler, 0)
			e.Hide("m", true)
			err := s.Ready(t.Context(), m)
			require.ErrorIs(t, err, metering.ErrMeter)
			assert.Contains(t, err.Error(), `"m"`)
			e.Key = "another"
			err = s.Ready(t.Context(), m)
			require.ErrorIs(t, err, metering.ErrKey)
			assert.NotContains(t, err.Error(), key, "an engine repeats the key that it was sent")
			outcomes, err := s.Send(t.Context(), m, events(m, 3))
			require.ErrorIs(t, err, metering.ErrKey)
			assert.Equal(t, 3, count(outcomes)[metering.NotTaken])
		})
	}
}

func TestAMeterThatCountsOtherwiseIsRefused(t *testing.T) {
	t.Parallel()
	for kind, body := range map[string]string{
		metering.OpenMeter: `{"eventType":"m","aggregation":"COUNT"}`,
		metering.Lago:      `{"billable_metric":{"aggregation_type":"sum_agg","field_name":"tokens"}}`,
		metering.Stripe:    `{"data":[{"event_name":"m","default_aggregation":{"formula":"count"}}]}`,
	} {
		s, m := sink(t, kind, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }), 0)
		err := s.Ready(t.Context(), m)
		require.ErrorIs(t, err, metering.ErrMeter)
		assert.Contains(t, err.Error(), "must be ")
	}
}

func TestARedirectTakesNoKeyAlong(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer elsewhere.Close()
	s, m := sink(t, metering.Stripe, http.RedirectHandler(elsewhere.URL, http.StatusFound), 0)
	_, err := s.Send(t.Context(), m, events(m, 1))
	require.ErrorContains(t, err, "status 302")
}

func TestAKeyIsReadOfAFileThatHoldsNothingElse(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", " \n", "two keys"} {
		path := filepath.Join(t.TempDir(), "key")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := engines.New(metering.Engine{Name: "e", Kind: metering.Lago, KeyFile: path}, 0)
		require.ErrorContains(t, err, "engines.e.key_file: ")
	}
	_, err := engines.New(metering.Engine{Name: "e", KeyFile: "none"}, 0)
	assert.True(t, errors.Is(err, os.ErrNotExist), err)
}
