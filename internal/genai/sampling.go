package genai

import (
	"strconv"
	"strings"
)

// A sampler keeps a share of the traces: what their calls cost is right, and a
// sum over them is that share of what was spent.
//
// Sources: open-telemetry/opentelemetry-specification, trace/tracestate-handling.md
// (th, and p of its predecessor); the attributes of Honeycomb, Azure Monitor,
// Sentry, Datadog and Jaeger.
var (
	// One in how many traces is kept.
	namesSampledOneIn = names("SampleRate", "sampleRate")
	// The percentage that is kept.
	namesSampledPercent = names("_MS.sampleRate", "microsoft.sample_rate")
	// The probability of being kept.
	namesSampledShare = names("sentry.sample_rate", "sampling.probability", "otel.sampling.probability", "_dd.rule_psr", "_dd.agent_psr")
	nameSamplerType   = name("sampler.type")
	nameSamplerParam  = name("sampler.param")

	samplingNames = func() nameSet {
		set := setOf(nameSamplerType)
		for _, list := range [][]nameID{namesSampledOneIn, namesSampledPercent, namesSampledShare} {
			for _, id := range list {
				set.put(id)
			}
		}
		return set
	}()
)

// sampled returns the share of traces that were kept, as decimal text such as "0.25"; ""
// when all were kept or nothing tells.
func sampled(traceState string, a *attributes) string {
	share, known := sampledByState(traceState)
	if !known && a.some(isSampling) {
		share, known = sampledByAttributes(a)
	}
	if !known || !(share > 0 && share < 1) {
		return ""
	}
	return strconv.FormatFloat(share, 'f', -1, 32)
}

// sampledByState reads OpenTelemetry's member of the trace state: "ot=th:c".
func sampledByState(state string) (share float64, known bool) {
	if state == "" || len(state) > 512 {
		return 0, false
	}
	for member := range strings.SplitSeq(state, ",") {
		list, ours := strings.CutPrefix(strings.TrimSpace(member), "ot=")
		if !ours {
			continue
		}
		for field := range strings.SplitSeq(list, ";") {
			if threshold, ok := strings.CutPrefix(field, "th:"); ok && threshold != "" && len(threshold) <= 14 {
				// The share that is dropped, as a hexadecimal fraction.
				n, err := strconv.ParseUint(threshold, 16, 64)
				if err == nil {
					return 1 - float64(n)/float64(uint64(1)<<(4*len(threshold))), true
				}
			}
			if exponent, ok := strings.CutPrefix(field, "p:"); ok {
				if n, err := strconv.ParseUint(exponent, 10, 8); err == nil && n < 63 {
					return 1 / float64(uint64(1)<<n), true
				}
			}
		}
	}
	return 0, false
}

func sampledByAttributes(a *attributes) (share float64, known bool) {
	number := func(ids []nameID) (float64, bool) {
		for _, id := range ids {
			if a.has(id) {
				if n, ok := numberOf(a.values[id]); ok && n > 0 {
					return n, true
				}
			}
		}
		return 0, false
	}
	if n, ok := number(namesSampledOneIn); ok {
		return 1 / n, true
	}
	if n, ok := number(namesSampledPercent); ok {
		return n / 100, true
	}
	if a.text(nameSamplerType) == "probabilistic" {
		return number([]nameID{nameSamplerParam})
	}
	return number(namesSampledShare)
}
