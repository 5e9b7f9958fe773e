package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// body is what a request to an OTLP receiver carries.
type body struct {
	path, contentType, encoding string
	content                     []byte
}

// oddBodies are requests that are wrong as a whole.
func oddBodies() map[string]body {
	const traces, protobuf, asJSON = "/v1/traces", "application/x-protobuf", "application/json"
	bomb := new(bytes.Buffer)
	w := gzip.NewWriter(bomb)
	for range 400 {
		_, _ = w.Write(make([]byte, 1<<20)) // a buffer takes everything
	}
	_ = w.Close()
	span := func(attributes string) []byte {
		return []byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"chat m","traceId":"00000000000000000000000000000001","spanId":"0000000000000001","startTimeUnixNano":"1796000000000000000","attributes":[` + attributes + `]}]}]}]}`)
	}
	return map[string]body{
		"nothing":                           {traces, protobuf, "", nil},
		"no content type":                   {traces, "", "", []byte("x")},
		"another content type":              {traces, "text/html", "", []byte("x")},
		"JSON said to be protobuf":          {traces, protobuf, "", span("")},
		"protobuf said to be JSON":          {traces, asJSON, "", []byte{10, 0}},
		"gzip that is none":                 {traces, protobuf, "gzip", []byte("x")},
		"an unknown encoding":               {traces, protobuf, "rot13", []byte("x")},
		"two encodings":                     {traces, protobuf, "gzip, gzip", bomb.Bytes()},
		"400 MB of zeros in gzip":           {traces, protobuf, "gzip", bomb.Bytes()},
		"21 MiB":                            {traces, protobuf, "", make([]byte, 21<<20)},
		"arrays in arrays, 60,000 deep":     {traces, asJSON, "", []byte(strings.Repeat("[", 60_000))},
		"objects in objects, 60,000 deep":   {traces, asJSON, "", []byte(strings.Repeat(`{"resourceSpans":[`, 60_000))},
		"values in values, 10,000 deep":     {traces, asJSON, "", span(strings.Repeat(`{"key":"a","value":{"kvlistValue":{"values":[`, 10_000) + strings.Repeat(`]}}}`, 10_000))},
		"groups in groups of protobuf":      {traces, protobuf, "", bytes.Repeat([]byte{0x0b}, 100_000)},
		"a length of 2^63":                  {traces, protobuf, "", []byte{10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}},
		"a path that is none":               {"/v1/traces/../../etc/passwd", protobuf, "", nil},
		"metrics, which nobody takes":       {"/v1/metrics", protobuf, "", nil},
		"a number beyond all numbers":       {traces, asJSON, "", span(`{"key":"gen_ai.usage.input_tokens","value":{"doubleValue":1e400}}`)},
		"NaN":                               {traces, asJSON, "", span(`{"key":"gen_ai.usage.input_tokens","value":{"doubleValue":"NaN"}}`)},
		"a hundred thousand equal keys":     {traces, asJSON, "", span(strings.TrimSuffix(strings.Repeat(`{"key":"user.id","value":{"stringValue":"x"}},`, 100_000), ","))},
		"10 MB in one attribute":            {traces, asJSON, "", span(`{"key":"gen_ai.response.model","value":{"stringValue":"` + strings.Repeat("m", 10<<20) + `"}}`)},
		"a megabyte of usage in JSON":       {traces, asJSON, "", span(`{"key":"output.value","value":{"stringValue":"` + strings.Repeat(`{\"usage\":`, 100_000) + `"}}`)},
		"half a character":                  {traces, asJSON, "", span(`{"key":"user.id","value":{"stringValue":"\ud800"}}`)},
		"logs whose body is a tree of maps": {"/v1/logs", asJSON, "", []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"eventName":"gen_ai.client.inference.operation.details","body":` + strings.Repeat(`{"kvlistValue":{"values":[{"key":"usage","value":`, 5_000) + `{"intValue":"1"}` + strings.Repeat(`}]}}`, 5_000) + `}]}]}]}`)},
	}
}

// deliver sends a request and judges the answer: whatever it is, the receiver
// takes or refuses it in time, and it is not our error.
func deliver(ctx context.Context, c *collector, b body) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.http+b.path, bytes.NewReader(b.content))
	if err != nil {
		return err
	}
	for name, value := range map[string]string{"Content-Type": b.contentType, "Content-Encoding": b.encoding} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if ended := c.process.Ended(); ended != nil {
		return ended
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("no answer in 60 s")
	case err != nil:
		return nil // it hung up on us
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	// The receiver's refusal of JSON with broken UTF-8 in it cannot be written in UTF-8.
	if err == nil && answer.StatusCode >= 500 && !bytes.Contains(text, []byte("failed to marshal error message")) {
		err = fmt.Errorf("%s: %.300s", answer.Status, text)
	}
	return err
}

// mutate gives a changed copy: bits, bytes, numbers and pieces, a few at a time.
func mutate(random *rand.Rand, content []byte) []byte {
	m := bytes.Clone(content)
	for range 1 + random.IntN(4) {
		if len(m) < 2 {
			break
		}
		at := random.IntN(len(m))
		to := min(len(m), at+1+random.IntN(40))
		switch random.IntN(7) {
		case 0:
			m[at] ^= 1 << random.IntN(8)
		case 1:
			m[at] = byte(random.IntN(256))
		case 2: // cut a piece out
			m = append(m[:at:at], m[to:]...)
		case 3: // report a piece twice
			m = append(m[:to:to], m[at:]...)
		case 4: // another number
			if digits := bytes.IndexAny(m[at:], "0123456789"); digits >= 0 {
				at += digits
				number := []string{"-1", "1e400", "99999999999999999999", "0.1", "null", "9223372036854775807", "2147483648", "NaN"}[random.IntN(8)]
				m = append(m[:at:at], append([]byte(number), m[at+1:]...)...)
			}
		case 5: // another text
			text := nasty[random.IntN(len(nasty))]
			m = append(m[:at:at], append([]byte(text[:min(len(text), 40)]), m[at:]...)...)
		case 6: // the end is missing
			m = m[:at]
		}
	}
	return m
}

// honest is a call whose cost is known, in a request of its own.
func honest(n int) ptrace.Traces {
	td := ptrace.NewTraces()
	resource := td.ResourceSpans().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", "honest")
	span := chatSpan(resource.ScopeSpans().AppendEmpty().Spans().AppendEmpty(), 250, byte(n))
	span.SetTraceID([16]byte{2, 250, byte(n), byte(n >> 8)})
	span.SetSpanID([8]byte{2, 250, byte(n), byte(n >> 8)})
	span.Attributes().PutStr("gen_ai.response.id", fmt.Sprintf("honest-%d", n))
	return td
}

// requireHonest waits until n honest calls are stored for exactly what they cost,
// and until every sum is that of its calls.
func requireHonest(t *testing.T, db *pgtest.DB, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d honest calls", n), func() error {
		if found := db.Text(`SELECT count(*), trim_scale(coalesce(sum(usage_dollars), 0)) = $1 * 0.00045 FROM public.api_usage WHERE service = 'honest'`, n); found != fmt.Sprint(n, "|true") {
			return errors.New(found)
		}
		return nil
	})
	eventually(t, "every sum is that of its calls", func() error {
		differences, err := upkeep.Verify(t.Context(), db.Pool, upkeep.VerifyOptions{})
		if err == nil && len(differences) > 0 {
			err = fmt.Errorf("%d differ, such as %+v", len(differences), differences[0])
		}
		return err
	})
}

// TestAttackOTLP sends the built collector what no sender should: odd requests and
// mutations of real ones. It lives, answers, and stores honest calls between them.
func TestAttackOTLP(t *testing.T) {
	t.Parallel()
	db := migratedDatabase(t)
	c := start(t, configuration{processor: "    prices: {builtin: openai-2024}\n    agent_logs: true", logs: true}.String(), "DATABASE_URL="+db.DSN)
	calls := 0
	another := func() {
		calls++
		attempt(t, "an honest call between mutated ones", c.sendHTTP(honest(calls)))
	}
	for name, b := range oddBodies() {
		attempt(t, fmt.Sprintf("%s to %s as %q, encoded %q: %.200q", name, b.path, b.contentType, b.encoding, b.content), deliver(t.Context(), c, b))
		another()
	}
	seeds := realBodies(t)
	for n := range rounds(300, 12_000) {
		random := rand.New(rand.NewPCG(uint64(n), 17)) //nolint:gosec // to be repeated by its number
		b := seeds[random.IntN(len(seeds))]
		b.content = mutate(random, b.content)
		attempt(t, fmt.Sprintf("mutation %d of TestAttackOTLP to %s as %s", n, b.path, b.contentType), deliver(t.Context(), c, b))
		if n%50 == 0 {
			another()
		}
	}
	requireHonest(t, db, calls)
	attempt(t, "memory after TestAttackOTLP", memoryBelow(c, 700))
}

// realBodies are requests of real libraries, in both forms.
func realBodies(t *testing.T) (seeds []body) {
	t.Helper()
	payload, _ := replayedCaptures(t, 1, time.Now().Add(-time.Hour))
	for i := range payload.ResourceSpans().Len() {
		one := ptrace.NewTraces()
		payload.ResourceSpans().At(i).CopyTo(one.ResourceSpans().AppendEmpty())
		request := ptraceotlp.NewExportRequestFromTraces(one)
		protobuf, err := request.MarshalProto()
		require.NoError(t, err)
		asJSON, err := request.MarshalJSON()
		require.NoError(t, err)
		seeds = append(seeds, body{"/v1/traces", "application/x-protobuf", "", protobuf}, body{"/v1/traces", "application/json", "", asJSON})
	}
	files, err := filepath.Glob("../internal/genai/testdata/cases/*/*/input.logs.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		logs, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(text)
		require.NoError(t, err)
		protobuf, err := plogotlp.NewExportRequestFromLogs(logs).MarshalProto()
		require.NoError(t, err)
		seeds = append(seeds, body{"/v1/logs", "application/json", "", text}, body{"/v1/logs", "application/x-protobuf", "", protobuf})
	}
	return seeds
}

// memoryBelow compares what the process holds in memory with a limit in MiB; it
// says nothing on systems that do not report it.
func memoryBelow(c *collector, limit int) error {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.process.PID()))
	if err != nil {
		return nil //nolint:nilerr // no such system
	}
	var kilobytes int
	_, line, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscan(line, &kilobytes); err != nil {
		return err
	}
	if kilobytes>>10 > limit {
		return fmt.Errorf("the collector took %d MiB, which is more than %d", kilobytes>>10, limit)
	}
	return nil
}

// recordAttempts are records that a stranger writes to a gateway. Each is refused
// (parked, with no row), or stored as what it says and no more.
var recordAttempts = map[string]struct {
	change []string // pairs of what is replaced in a good record
	stored bool
}{
	"a good one":                   {nil, true},
	"a cost below zero":            {[]string{"cost=0.5", "cost=-0.5"}, false},
	"a cost that is no number":     {[]string{"cost=0.5", "cost=NaN"}, false},
	"a cost with an exponent":      {[]string{"cost=0.5", "cost=1e6"}, false},
	"a cost above the limit":       {[]string{"cost=0.5", "cost=1000000"}, false},
	"a cost with 40 digits":        {[]string{"cost=0.5", "cost=0." + strings.Repeat("1", 40)}, true},
	"a time in another century":    {[]string{"t=17", "t=97"}, false},
	"a time before 1970":           {[]string{"t=17", "t=-17"}, false},
	"a time that is no number":     {[]string{"t=17", "t=x"}, false},
	"no time":                      {[]string{"t=17", "x=17"}, false},
	"no id":                        {[]string{"id=", "x="}, false},
	"the id of nobody":             {[]string{"id=6b1f0d5e", "id=00000000-0000-0000-0000-000000000000;x="}, false},
	"another version":              {[]string{"1;id", "2;id"}, false},
	"a field without value":        {[]string{";type=text", ";type"}, false},
	"broken escapes":               {[]string{"model=m", "model=%zz"}, false},
	"negative tokens":              {[]string{"q.input_text=7", "q.input_text=-7"}, false},
	"tokens beyond all numbers":    {[]string{"q.input_text=7", "q.input_text=99999999999999999999"}, false},
	"tokens that the table's type": {[]string{"q.input_text=7", "q.input_text=2147483648"}, false},
	"SQL in a name":                {[]string{"model=m", "model='%3B DROP TABLE public.api_usage --"}, true},
	"NUL in a name":                {[]string{"model=m", "model=a%00b"}, true},
	"a word of the future":         {[]string{"type=text", "type=hologram"}, true},
	"two costs":                    {[]string{"cost=0.5", "cost=0.5;cost=0.25"}, true},
	"no cost, and said priced":     {[]string{"cost=0.5;", ""}, true},
}

const goodRecord = "1;id=6b1f0d5e-8c21-4b53-9d0a-2f641c7e%04x;t=%d;type=text;status=priced;cost=0.5;source=computed;provider=p;model=m;service=forged;q.input_text=7"

// TestAttackRecords sends a gateway records as a stranger would, by hand and
// mutated, beside honest ones that a collector priced.
func TestAttackRecords(t *testing.T) {
	t.Parallel()
	db := migratedDatabase(t)
	c := start(t, strings.Replace(configuration{}.String(), "processors: [genai_usage], ", "", 1), "DATABASE_URL="+db.DSN)
	calls := 0
	send := func(records ...string) error {
		td := honestRecord(calls)
		calls++
		spans := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
		for _, record := range records {
			spans.AppendEmpty().Attributes().PutStr("usage.record", record)
		}
		return c.sendGRPC(td)
	}
	n := 0
	want := map[string]bool{}
	for name, a := range recordAttempts {
		n++
		record := strings.NewReplacer(a.change...).Replace(fmt.Sprintf(goodRecord, n, time.Now().UnixNano())) + ";req=" + strings.ReplaceAll(name, ",", "")
		want[strings.ReplaceAll(name, ",", "")] = a.stored
		require.NoError(t, send(record), name)
	}
	requireHonest(t, db, calls)
	for name, stored := range want {
		var err error
		if found := db.Text(`SELECT count(*) FROM public.api_usage WHERE request_id = $1`, name) == "1"; found != stored {
			err = fmt.Errorf("a row is stored: %t", found)
		}
		attempt(t, "to a gateway, a record with "+name+" (TestAttackRecords)", err)
	}
	parked := db.Text(`SELECT count(*) FROM public.usage_dead_letter`)
	refused := 0
	for _, stored := range want {
		if !stored {
			refused++
		}
	}
	var err error
	if parked != fmt.Sprint(refused) {
		err = fmt.Errorf("%d records were refused and %s are kept", refused, parked)
	}
	attempt(t, "every refused record is kept (TestAttackRecords)", err)

	for m := range rounds(30, 600) {
		random := rand.New(rand.NewPCG(uint64(m), 19)) //nolint:gosec // to be repeated by its number
		records := make([]string, 20)
		for i := range records {
			n++
			records[i] = string(mutate(random, fmt.Appendf(nil, goodRecord, n&0xffff, time.Now().UnixNano())))
		}
		attempt(t, fmt.Sprintf("request %d of TestAttackRecords", m), send(records...))
	}
	requireHonest(t, db, calls)
	attempt(t, "memory after TestAttackRecords", memoryBelow(c, 500))
}

// honestRecord is what an agent sends of a call.
func honestRecord(n int) ptrace.Traces {
	td := ptrace.NewTraces()
	span := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.Attributes().PutStr("usage.record", fmt.Sprintf("1;id=%s;t=%d;type=text;status=priced;cost=0.00045;source=computed;service=honest;user=%s;xuser=ada;q.input_text=1000",
		usage.UserID(fmt.Sprint("call ", n)), time.Now().UnixNano(), usage.UserID("ada")))
	return td
}
