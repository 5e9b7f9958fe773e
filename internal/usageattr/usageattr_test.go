package usageattr_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
	"github.com/otelcol-usage/otelcol-usage/internal/usageattr"
)

func chatRecord() usage.Record {
	return usage.Record{
		ID:         usage.IDFromResponse("openai", "chatcmpl-1"),
		Time:       time.Unix(1795441921, 280_000_000).UTC(),
		APIType:    usage.APITypeText,
		Provider:   "openai",
		Model:      "gpt-4o-mini-2024-07-18",
		Service:    "chat-api",
		UserID:     usage.UserID("ada"),
		RequestID:  "chatcmpl-1",
		TraceID:    [16]byte{1, 2},
		SpanID:     [8]byte{3},
		Quantities: usage.Quantities{usage.InputTextTokens: 1306, usage.OutputTextTokens: 287},
		Cost:       368_100_000,
		Status:     usage.StatusPriced,
		CostSource: usage.SourceComputed,
		PriceID:    "openai/gpt-4o-mini",
		Dialect:    "otel",
	}
}

func TestRecordTextIsTheDocumentedForm(t *testing.T) {
	r := chatRecord()
	assert.Equal(t, "1;id=f3e60760-fa25-5d69-b7e8-2e56452d2a4e;t=1795441921280000000;type=text;status=priced;cost=0.0003681;source=computed;"+
		"price=openai/gpt-4o-mini;provider=openai;model=gpt-4o-mini-2024-07-18;service=chat-api;user="+usage.UserID("ada").String()+
		";req=chatcmpl-1;trace=01020000000000000000000000000000;span=0300000000000000;dialect=otel;q.input_text=1306;q.output_text=287",
		string(usageattr.Append(nil, &r)))
}

func TestEveryRecordReadsBackAsItWas(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	alphabet := []rune("abc;=%\n\x7fäß/.: \uFFFD")
	text := func() string {
		b := make([]rune, r.IntN(12))
		for i := range b {
			b[i] = alphabet[r.IntN(len(alphabet))]
		}
		return string(b)
	}
	for range 3000 {
		want := chatRecord()
		want.Status = usage.PricingStatuses[r.IntN(len(usage.PricingStatuses))]
		want.Reason = usage.ReasonPriceFallback
		if want.Status == usage.StatusUnpriced {
			want.Cost = 0
		} else {
			want.Cost = usage.Money(r.Int64N(int64(usage.MaxCallCost)))
		}
		for _, f := range []*string{&want.Provider, &want.Model, &want.RequestModel, &want.Service, &want.Environment, &want.UserExternalID,
			&want.SessionID, &want.RequestID, &want.PriceID, &want.ServiceTier, &want.Region, &want.Variant, &want.Dialect} {
			*f = text()
		}
		if want.UserExternalID != "" {
			want.UserID = usage.UserID(want.UserExternalID)
		}
		want.QuantityReason = usage.Reasons[r.IntN(len(usage.Reasons))]
		want.Missing = usage.Missing(r.IntN(64))
		if want.HasAssumptions = r.IntN(2) == 0; want.HasAssumptions {
			want.Assumptions = usage.Assumptions(r.IntN(1 << len(usage.AssumptionNames())))
		}
		want.Outcome = append(usage.Outcomes, "")[r.IntN(4)]
		want.Payer = append(usage.Payers, "")[r.IntN(5)]
		if want.HasReportedCost = r.IntN(2) == 0; want.HasReportedCost {
			want.ReportedCost, want.ReportedIsBill = usage.Money(r.Int64N(1e12)), r.IntN(2) == 0
		}
		for k := range want.Quantities {
			if want.Quantities[k] = 0; r.IntN(3) == 0 {
				want.Quantities[k] = r.Int64()
			}
		}
		for range r.IntN(3) {
			want.Tags = append(want.Tags, usage.Tag{Key: "k" + text(), Value: text()})
		}
		if r.IntN(3) == 0 {
			want.Unread = append(want.Unread, usage.Tag{Key: "new " + text(), Value: "v" + text()})
		}
		encoded := string(usageattr.Append(nil, &want))
		var got usage.Record
		require.NoError(t, usageattr.Decode(encoded, &got), encoded)
		require.Equal(t, want, got, encoded)
	}
}

// TestACleanedRecordIsEscapedAsAnyOther puts each kind of character into each text: what
// Clean says of a record must not let one of them through.
func TestACleanedRecordIsEscapedAsAnyOther(t *testing.T) {
	texts := func(r *usage.Record) []*string {
		return []*string{
			&r.Provider, &r.Model, &r.RequestModel, &r.Service, &r.Environment, &r.UserExternalID, &r.SessionID, &r.RequestID,
			&r.PriceID, &r.ServiceTier, &r.Region, &r.Variant, &r.Sampled, &r.Dialect,
		}
	}
	plain := chatRecord()
	plain.Clean()
	require.True(t, plain.Cleaned())
	for place := range texts(&plain) {
		for _, text := range []string{"ok", "a;cost=0", "100%", "a\nb", "\x00", "ä", strings.Repeat("long", 200)} {
			r := chatRecord()
			*texts(&r)[place] = text
			if r.UserExternalID != "" {
				r.UserID = usage.UserID(r.UserExternalID)
			}
			r.Clean()
			require.Equal(t, text == "ok", r.Cleaned(), text)
			var got usage.Record
			require.NoError(t, usageattr.Decode(string(usageattr.Append(nil, &r)), &got))
			require.Equal(t, *texts(&r)[place], *texts(&got)[place])
			require.Equal(t, r.Cost, got.Cost)
		}
	}
	tagged := chatRecord()
	tagged.Tags = []usage.Tag{{Key: "a=b", Value: "c"}}
	tagged.Clean()
	require.False(t, tagged.Cleaned())
	tagged.Tags = []usage.Tag{{Key: "a", Value: "b=c"}}
	tagged.Clean()
	require.True(t, tagged.Cleaned())
}

func TestDecodeRefusesAndNamesTheFieldNotItsContent(t *testing.T) {
	good := chatRecord()
	valid := string(usageattr.Append(nil, &good))
	for name, c := range map[string]struct{ text, want string }{
		"empty":              {"", "version"},
		"newer version":      {"2" + valid[1:], "version"},
		"broken id":          {strings.Replace(valid, "id=f3e6", "id=secr", 1), `field "id"`},
		"no id":              {"1;t=1795441921280000000;type=text;status=priced", "id: missing"},
		"negative quantity":  {valid + ";q.images=-4", `field "q.images"`},
		"NaN cost":           {strings.Replace(valid, "cost=0.0003681", "cost=NaN", 1), `field "cost"`},
		"negative cost":      {strings.Replace(valid, "cost=0.0003681", "cost=-1", 1), "usage_dollars"},
		"no status":          {strings.Replace(valid, ";status=priced", "", 1), "pricing_status"},
		"no word":            {strings.Replace(valid, "type=text", "type=Text", 1), "api_type"},
		"year 1":             {strings.Replace(valid, "t=1795441921280000000", "t=-62135596800000000000", 1), `field "t"`},
		"year 1970":          {strings.Replace(valid, "t=1795441921280000000", "t=0", 1), "timestamp"},
		"broken escape":      {valid + ";session=%4", "percent-encoding"},
		"field without sign": {valid + ";secret", "without a value"},
		"another's user":     {valid + ";xuser=secret-dora", "user: is not the one that xuser makes"},
		"no user":            {strings.Replace(valid, "user="+usage.UserID("ada").String(), "xuser=ada", 1), "user: is not the one"},
		"too long":           {valid + ";session=" + strings.Repeat("x", usageattr.MaxRecordBytes), "at most"},
	} {
		var r usage.Record
		err := usageattr.Decode(c.text, &r)
		require.Error(t, err, name)
		assert.ErrorContains(t, err, c.want, name)
		assert.NotContains(t, err.Error(), "secr", name)
	}
}

func TestARecordOfANewerAgentIsReadAndWhatIsNewIsKept(t *testing.T) {
	old := chatRecord()
	valid := string(usageattr.Append(nil, &old))
	for name, c := range map[string]struct {
		text string
		want func(*usage.Record)
	}{
		"field":         {valid + ";colour=blue", func(r *usage.Record) { r.Unread = []usage.Tag{{Key: "colour", Value: "blue"}} }},
		"empty field":   {valid + ";colour=", func(*usage.Record) {}},
		"escaped field": {valid + ";co%3Dlour=bl%3Bue", func(r *usage.Record) { r.Unread = []usage.Tag{{Key: "co=lour", Value: "bl;ue"}} }},
		"quantity":      {valid + ";q.smells=4", func(r *usage.Record) { r.Unread = []usage.Tag{{Key: "q.smells", Value: "4"}} }},
		"detail": {valid + ";missing=cache+touch", func(r *usage.Record) {
			r.Missing, r.Unread = usage.MissingCache, []usage.Tag{{Key: "missing", Value: "touch"}}
		}},
		"assumption": {valid + ";assumed=weather+region", func(r *usage.Record) {
			r.Assumptions, r.HasAssumptions, r.Unread = usage.AssumedRegion, true, []usage.Tag{{Key: "assumed", Value: "weather"}}
		}},
		"nothing assumed": {valid + ";assumed=", func(r *usage.Record) { r.HasAssumptions = true }},
		"API type":        {strings.Replace(valid, "type=text", "type=touch", 1), func(r *usage.Record) { r.APIType = "touch" }},
		"outcome":         {valid + ";outcome=cancelled", func(r *usage.Record) { r.Outcome = "cancelled" }},
		"payer":           {valid + ";payer=sponsor", func(r *usage.Record) { r.Payer = "sponsor" }},
		"reason":          {valid + ";reason=new_moon", func(r *usage.Record) { r.Reason = "new_moon" }},
		"source":          {strings.Replace(valid, "source=computed", "source=bill", 1), func(r *usage.Record) { r.CostSource, r.Unread = "", []usage.Tag{{Key: "source", Value: "bill"}} }},
		"status": {strings.Replace(valid, "status=priced", "status=billed", 1), func(r *usage.Record) {
			r.Status, r.Reason, r.Unread = usage.StatusEstimated, usage.ReasonNewerRecord, []usage.Tag{{Key: "status", Value: "billed"}}
		}},
		"status, no price": {strings.NewReplacer("status=priced", "status=lost", ";cost=0.0003681;source=computed", "").Replace(valid), func(r *usage.Record) {
			r.Status, r.Reason, r.Cost, r.CostSource, r.Unread = usage.StatusUnpriced, usage.ReasonNewerRecord, 0, "", []usage.Tag{{Key: "status", Value: "lost"}}
		}},
	} {
		want := chatRecord()
		c.want(&want)
		var got, again usage.Record
		require.NoError(t, usageattr.Decode(c.text, &got), name)
		assert.Equal(t, want, got, name)
		if got.Status == old.Status {
			require.NoError(t, usageattr.Decode(string(usageattr.Append(nil, &got)), &again), name)
			assert.Equal(t, got, again, "%s: passed on as it came", name)
		}
	}
}

func TestARecordOfAnOlderAgentLeavesWhatItDoesNotSayUnknown(t *testing.T) {
	const before = "1;id=f3e60760-fa25-5d69-b7e8-2e56452d2a4e;t=1795441921280000000;type=text;status=priced;cost=0.0003681;source=computed;provider=openai;model=gpt-4o"
	var got usage.Record
	require.NoError(t, usageattr.Decode(before, &got))
	assert.False(t, got.HasAssumptions, "not known is not none")
	assert.Empty(t, got.Outcome)
	assert.Empty(t, got.Payer)
	assert.Empty(t, got.Unread)
}

func TestPutWritesTheExactCostAndKeepsTheRest(t *testing.T) {
	w, err := usageattr.NewWriter(usageattr.Optional)
	require.NoError(t, err)
	attributes := pcommon.NewMap()
	attributes.PutStr("gen_ai.request.model", "gpt-4o-mini")
	r := chatRecord()
	w.Put(attributes, &r, false)

	got := attributes.AsRaw()
	assert.Equal(t, "gpt-4o-mini", got["gen_ai.request.model"])
	assert.Equal(t, "0.0003681", got["usage.cost_usd"])
	assert.Equal(t, 0.0003681, got["gen_ai.usage.cost.amount"])
	assert.Equal(t, "USD", got["gen_ai.usage.cost.currency"])
	assert.Equal(t, "local", got["gen_ai.usage.cost.source"])
	assert.Equal(t, r.ID.String(), got["usage.id"])
	assert.Equal(t, int64(1306), got["usage.quantity.input_text"])
	assert.Equal(t, "priced", got["usage.pricing_status"])
	assert.NotContains(t, got, "usage.pricing_reason")
}

func TestPutWritesNothingThatWasNotAskedFor(t *testing.T) {
	w, err := usageattr.NewWriter(nil)
	require.NoError(t, err)
	r := chatRecord()
	attributes := pcommon.NewMap()
	w.Put(attributes, &r, false)
	assert.Equal(t, map[string]any{
		"usage.record": string(usageattr.Append(nil, &r)), "usage.api_type": "text", "usage.pricing_status": "priced", "gen_ai.usage.cost.amount": 0.0003681,
	}, attributes.AsRaw())
}

func TestAnUnpricedCallHasNoCostAttribute(t *testing.T) {
	w, err := usageattr.NewWriter([]string{usageattr.CostUSD})
	require.NoError(t, err)
	r := chatRecord()
	r.Status, r.Reason, r.Cost = usage.StatusUnpriced, usage.ReasonUnknownModel, 0
	attributes := pcommon.NewMap()
	w.Put(attributes, &r, false)
	got := attributes.AsRaw()
	assert.NotContains(t, got, "usage.cost_usd", "unknown is not zero")
	assert.NotContains(t, got, "gen_ai.usage.cost.amount")
	assert.Equal(t, "unknown_model", got["usage.pricing_reason"])
}

func TestNewWriterNamesUnknownAttributes(t *testing.T) {
	_, err := usageattr.NewWriter([]string{"usage.colour"})
	assert.ErrorContains(t, err, `unknown attribute "usage.colour"; known are usage.id`)
}

func TestStripRemovesOnlyWhatIsOurs(t *testing.T) {
	attributes := pcommon.NewMap()
	attributes.PutStr("usage.record", "1;id=forged")
	attributes.PutStr("usage.trace_user", "forged")
	attributes.PutStr("usage.quantity.input_text", "forged")
	attributes.PutStr("usage.audio_seconds", "3")
	attributes.PutStr("usage.input_tokens", "kept")
	attributes.PutStr("usage.cost", "kept")
	attributes.PutStr("usage", "kept")
	attributes.PutStr("llm.usage.total_tokens", "kept")
	kept := map[string]any{"usage.input_tokens": "kept", "usage.cost": "kept", "usage": "kept", "llm.usage.total_tokens": "kept"}
	assert.True(t, usageattr.StripForged(attributes))
	assert.Len(t, attributes.AsRaw(), len(kept)+1, "an input of the app stays until it is read")
	assert.True(t, usageattr.Strip(attributes))
	assert.Equal(t, kept, attributes.AsRaw())
	assert.False(t, usageattr.Strip(attributes))
}

// What the writer can write, and whatever a reader of records looks for, is ours:
// a sender cannot put it there.
func TestStripRemovesAllThatIsEverWritten(t *testing.T) {
	w, err := usageattr.NewWriter(usageattr.Optional)
	require.NoError(t, err)
	r := chatRecord()
	r.Reason, r.Payer, r.Assumptions = usage.ReasonPriceFallback, usage.PayerAPI, usage.AssumedRegion
	r.UserID = usage.UserID("ada")
	for k := range r.Quantities {
		r.Quantities[k] = 1
	}
	attributes := pcommon.NewMap()
	w.Put(attributes, &r, false)
	attributes.PutStr(usageattr.TraceUser, "x")
	attributes.PutBool(usageattr.SentAgain, true)
	for _, name := range append([]string{usageattr.InputAudioSeconds, usageattr.InputCharacters, usageattr.InputImages}, usageattr.Optional...) {
		if name != usageattr.Quantities && strings.HasPrefix(name, usageattr.Prefix) {
			attributes.PutStr(name, "x")
		}
	}
	assert.True(t, usageattr.Strip(attributes))
	for name := range attributes.AsRaw() {
		assert.False(t, strings.HasPrefix(name, usageattr.Prefix), name)
	}
}

func FuzzDecode(f *testing.F) {
	r := chatRecord()
	f.Add(string(usageattr.Append(nil, &r)))
	f.Add("1;id=;q.images=%;tag.%3D=")
	f.Fuzz(func(t *testing.T, text string) {
		var first, second usage.Record
		if usageattr.Decode(text, &first) != nil {
			return
		}
		if err := first.Validate(); err != nil {
			t.Fatalf("decoded a record that is not valid: %v", err)
		}
		if err := usageattr.Decode(string(usageattr.Append(nil, &first)), &second); err != nil {
			t.Fatalf("what was read cannot be written and read again: %v", err)
		}
	})
}

func BenchmarkPut(b *testing.B) {
	w, err := usageattr.NewWriter(nil)
	if err != nil {
		b.Fatal(err)
	}
	r := chatRecord()
	attributes := pcommon.NewMap()
	for _, k := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q"} {
		attributes.PutStr("gen_ai.attribute."+k, k)
	}
	b.ReportAllocs()
	for b.Loop() {
		span := pcommon.NewMap()
		attributes.CopyTo(span)
		w.Put(span, &r, false)
	}
}

func BenchmarkDecode(b *testing.B) {
	want := chatRecord()
	text := string(usageattr.Append(nil, &want))
	var got usage.Record
	b.ReportAllocs()
	for b.Loop() {
		if err := usageattr.Decode(text, &got); err != nil {
			b.Fatal(err)
		}
	}
}
