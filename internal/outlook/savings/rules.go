package savings

import (
	"slices"
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/outlook"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// scope is the calls of one service to one model, which one piece of advice is about.
type scope struct{ service, provider, model string }

// proposal is one change that a rule proposes for a scope.
type proposal struct {
	rule, change, assumption string
	// other: another model or host answers, so that it comes after all that changes no
	// answer.
	other bool
	scope scope
	// to changes calls; false where the change is not about them.
	to func(*outlook.Alike) bool
}

// Rules are all rules: which calls each is about, and what it assumes. docs/advice.md is
// made of them.
var Rules = []struct{ Name, Calls, Assumes string }{
	{"prompt_caching", "text input that nothing of came from the cache; at least 4,096 tokens of it, the longest minimum of any model, were the input of the call before in the same conversation, at most five minutes earlier, and its answer follows", "the next call of a conversation begins with the input of the one before, and what is new is written to the cache; a conversation is a session or a trace"},
	{"cache_off", "what was written to the cache and read from it", "none: as plain input the same tokens cost less than to write and read them"},
	{"cache_1h", "writes for five minutes, some of them 5 to 60 minutes after the call before in the same conversation", "what was written again 5 to 60 minutes later would still be in the cache"},
	{"cache_5m", "writes for an hour", "what is read more than 5 minutes after the call before in the same conversation, or at its beginning, has to be written again"},
	{"batch", "the standard tier, without user, session and other calls in the trace, of a job: all calls of the service to the model are in at most a tenth of the hours, ten and more in each", "nobody waits for the answers: a batch can take 24 hours"},
	{"flex", "the same", "nobody waits for the answers: flex is slower and can be refused"},
	{"priority", "the tiers `priority` and `fast`", "the answers of the standard tier come soon enough"},
	{"long_context", "input that is up to a quarter above a threshold from which the whole call costs more", "the end of the input that goes beyond the threshold can be left out"},
	{"region", "a region that costs more than none", "the calls may be processed anywhere"},
	{"failed_calls", "the span ended with an error and the call costs something", "the calls that failed and cost something can be avoided"},
	{"repeated_calls", "text, the same number of input tokens, at least 1,000, as the call before in the same conversation, which did not fail, at most five minutes earlier", "a second answer to the same input within 5 minutes was not wanted"},
	{"empty_answers", "text without any output, but for calls that wrote to the cache", "the calls without any output can be avoided"},
	{idleSeat, "a seat of a [plan](payer.md) of all 30 days that pays for no call, while others of the plan do, or that nobody has", "its user does not need it; the seat can be ended"},
	{underusedSeat, "a seat of all 30 days whose calls, all with a known cost, would cost less at API prices", "the same calls can be made at the API; a share of the price of a month is saved at once"},
	{besideSeat, "calls of a user with a seat that the plan covers and the API was paid for", "the limits of the plan let these calls in, when the agent is logged in with the seat instead of a key"},
	{"newer_snapshot", "a dated model whose name without the date is cheaper", "the answers of the newer snapshot are as good"},
	{"other_host", "a model that another of one's own providers has for less", "the other host serves the same model as well; it may process data elsewhere"},
	{"other_model", "text; another model that the same service calls at the same provider", "the answers of the other model are good enough, and it counts about as many tokens: both differ by model"},
}

func assumes(rule string) string {
	for _, r := range Rules {
		if r.Name == rule {
			return r.Assumes
		}
	}
	return ""
}

// proposals are what all rules propose for a scope.
func (s *state) proposals(of scope) (list []*proposal) {
	add := func(rule, change string, to func(*outlook.Alike) bool) *proposal {
		p := &proposal{rule: rule, change: change, assumption: assumes(rule), scope: of, to: to}
		list = append(list, p)
		return p
	}
	add("prompt_caching", "cache on", s.cacheOn)
	add("cache_off", "cache off", cacheOff)
	add("cache_1h", "cache writes for an hour", cacheHour)
	add("cache_5m", "cache writes for five minutes", cacheMinutes)
	if s.isJob(of) {
		add("batch", "tier batch", tier("batch"))
		add("flex", "tier flex", tier("flex"))
	}
	add("priority", "tier standard", standard)
	add("long_context", "shorter input", s.shorter)
	add("region", "any region", anyRegion)
	for rule, waste := range map[string]outlook.Waste{"failed_calls": outlook.WasteFailed, "repeated_calls": outlook.WasteRepeated, "empty_answers": outlook.WasteNoOutput} {
		add(rule, "no such calls", func(a *outlook.Alike) bool { return a.Waste == waste && drop(a) })
	}
	if newest := pricing.Undated(of.provider, of.model); newest != "" {
		add("newer_snapshot", "model "+newest, model(newest)).other = true
	}
	for _, host := range s.hosts {
		if host != of.provider {
			add("other_host", "provider "+host, at(host)).other = true
		}
	}
	for _, name := range s.models[scope{of.service, of.provider, ""}] {
		if name != of.model {
			add("other_model", "model "+name, model(name)).other = true
		}
	}
	return list
}

// cacheOn reads from the cache what repeats, and writes what is new.
func (s *state) cacheOn(a *outlook.Alike) bool {
	q := &a.Quantities
	if a.Cached || a.Waste != "" || a.Repeated == 0 || a.Long > q[usage.InputTextTokens] || a.Missing&(usage.MissingCache|usage.MissingInput) != 0 {
		return false
	}
	before, fresh := *q, a.Long-a.Repeated
	for _, kind := range []usage.QuantityKind{usage.CacheWrite5mTokens, usage.CacheWrite30mTokens, usage.InputTextTokens} {
		*q = before
		q[usage.InputTextTokens] -= a.Long
		q[usage.CacheReadTokens] += a.Repeated
		q[kind] += fresh
		if _, certain := s.price(a); certain {
			a.Cached = true
			return true
		}
	}
	return false
}

// cached are what is read from the cache and written to it, for every lifetime.
var cached = []usage.QuantityKind{usage.CacheReadTokens, usage.CacheWrite5mTokens, usage.CacheWrite30mTokens, usage.CacheWrite1hTokens, usage.CacheWrite12hTokens}

func cacheOff(a *outlook.Alike) bool {
	q := &a.Quantities
	before := *q
	for _, kind := range cached {
		q[usage.InputTextTokens], q[kind] = q[usage.InputTextTokens]+q[kind], 0
	}
	a.Cached = false
	return *q != before
}

func cacheHour(a *outlook.Alike) bool {
	q := &a.Quantities
	if q[usage.CacheWrite5mTokens] == 0 || a.Rewritten == 0 || a.Missing.Has(usage.MissingCacheTTL) {
		return false
	}
	q[usage.CacheReadTokens] += a.Rewritten
	q[usage.CacheWrite1hTokens] += q[usage.CacheWrite5mTokens] - a.Rewritten
	q[usage.CacheWrite5mTokens] = 0
	a.ReadLate, a.Rewritten = a.ReadLate+a.Rewritten, 0
	return true
}

func cacheMinutes(a *outlook.Alike) bool {
	q := &a.Quantities
	if q[usage.CacheWrite1hTokens] == 0 || a.ReadLate > q[usage.CacheReadTokens] {
		return false
	}
	q[usage.CacheReadTokens] -= a.ReadLate
	q[usage.CacheWrite5mTokens] += q[usage.CacheWrite1hTokens] + a.ReadLate
	q[usage.CacheWrite1hTokens] = 0
	a.Rewritten, a.ReadLate = a.Rewritten+a.ReadLate, 0
	return true
}

// jobCalls is how many calls a job makes at least in an hour in which it runs, and
// jobHours which part of the hours it runs in at most.
const (
	jobCalls = 10
	jobHours = 10
)

// isJob reports whether the calls come in bursts, as those of a job do: few hours have
// all of them, and many in each.
func (s *state) isJob(of scope) bool {
	r, known := s.rhythm[of]
	return known && r.Hours > 0 && r.Hours*jobHours <= s.hours && r.Calls >= jobCalls*r.Hours
}

func isStandard(tier string) bool { return tier == "" || tier == "standard" || tier == "default" }

func tier(name string) func(*outlook.Alike) bool {
	return func(a *outlook.Alike) bool {
		if !a.Unattended || !isStandard(a.Tier) || a.Waste != "" {
			return false
		}
		a.Tier = name
		return true
	}
}

func standard(a *outlook.Alike) bool {
	if t := strings.ToLower(a.Tier); t != "priority" && t != "fast" {
		return false
	}
	a.Tier = ""
	return true
}

// shorter cuts input that is a little too long down to the threshold, where the prices
// of the model change there.
func (s *state) shorter(a *outlook.Alike) bool {
	if !slices.Contains(s.thresholds, a.Input) {
		return false
	}
	below := *a
	below.Input--
	high, known := s.price(a)
	if low, too := s.price(&below); !known || !too || low.Cmp(high) >= 0 {
		return false
	}
	q := &a.Quantities
	cut := q.InputTokens() - a.Calls*(a.Input-1)
	if cut < 0 || cut > q[usage.InputTextTokens] {
		return false
	}
	q[usage.InputTextTokens] -= cut
	a.Input--
	return true
}

func anyRegion(a *outlook.Alike) bool {
	changed := a.Region != ""
	a.Region = ""
	for spelling := range catalog.Spellings(a.Provider, a.Model) {
		if spelling.Region == "" || spelling.Region == catalog.Global {
			continue
		}
		if prefix := spelling.Region + "."; strings.HasPrefix(a.Model, prefix) {
			a.Model, changed = catalog.Global+strings.TrimPrefix(a.Model, spelling.Region), true
		}
		break
	}
	return changed
}

// drop leaves nothing of the calls.
func drop(a *outlook.Alike) bool {
	a.Calls, a.Quantities = 0, usage.Quantities{}
	a.Long, a.Repeated, a.Rewritten, a.ReadLate = 0, 0, 0, 0
	return true
}

func model(name string) func(*outlook.Alike) bool {
	return func(a *outlook.Alike) bool {
		if a.APIType != usage.APITypeText || a.Waste != "" {
			return false
		}
		a.Model = name
		return true
	}
}

func at(host string) func(*outlook.Alike) bool {
	return func(a *outlook.Alike) bool {
		if a.Waste != "" {
			return false
		}
		a.Provider, a.Region = host, ""
		return true
	}
}
