package usage

// Missing is the set of details that a library left out of a call. Whether that casts doubt
// on the cost depends on the prices: how much of the input came from the cache does not
// matter where cached input costs the same. The set is therefore kept with the record, for
// the day on which prices change.
type Missing uint32

// The details.
const (
	MissingCache     Missing = 1 << iota // how much of the input came from or went to the cache
	MissingCacheTTL                      // the lifetime of cache writes
	MissingReasoning                     // reasoning tokens, which may or may not be inside the output
	MissingAudio                         // which tokens were audio
	// MissingInput: cached tokens are not part of the reported input at all, as with
	// Bedrock: whatever they cost, the cost is too low.
	MissingInput
	MissingTime // a plausible start time; the time of arrival is used instead

	// What prices depend on besides quantities, in the words of [Assumptions]. Where a
	// price depends on one of these, the default is taken.
	MissingServiceTier
	MissingSpeed
	MissingRegion
	MissingInferenceGeo
	MissingDeployment
	MissingContextLength
	MissingModality
	MissingSearchSize
	MissingTools
	MissingCommitment
	MissingVariant

	// MissingCalls: the record stands for the calls of an agent that nobody reports, by their
	// sum. It gives way when one of them is reported after all.
	MissingCalls

	// MissingDependencies are those that prices depend on.
	MissingDependencies = MissingVariant<<1 - MissingServiceTier
)

var missingNames = []string{
	"cache", "cache_ttl", "reasoning", "audio", "input", "time",
	"service_tier", "speed", "region", "inference_geo", "deployment", "context_length", "modality", "search_size", "tools", "commitment", "variant", "calls",
}

// unreported pairs each missing detail with the assumption that a price then takes. Which
// snapshot answered follows from the name of the model.
var unreported = [...]struct {
	missing Missing
	assumed Assumptions
}{
	{MissingCacheTTL, AssumedCacheTTL},
	{MissingAudio, AssumedModality},
	{MissingModality, AssumedModality},
	{MissingServiceTier, AssumedServiceTier},
	{MissingSpeed, AssumedSpeed},
	{MissingRegion, AssumedRegion},
	{MissingInferenceGeo, AssumedInferenceGeo},
	{MissingDeployment, AssumedDeployment},
	{MissingContextLength, AssumedContextLength},
	{MissingSearchSize, AssumedSearchSize},
	{MissingTools, AssumedTools},
	{MissingCommitment, AssumedCommitment},
	{MissingVariant, AssumedVariant},
}

// Unreported returns the assumptions that a price takes where it depends on what is
// missing.
func (m Missing) Unreported() (a Assumptions) {
	for _, u := range unreported {
		if m&u.missing != 0 {
			a |= u.assumed
		}
	}
	return a
}

// Has reports whether all of details are missing.
func (m Missing) Has(details Missing) bool { return m&details == details }

// AppendText appends the names of the details, such as "cache+audio"; an empty set appends
// nothing.
func (m Missing) AppendText(b []byte) []byte {
	return joinedMissing.appendTo(b, uint32(m), missingNames)
}

// String returns what [Missing.AppendText] appends.
func (m Missing) String() string { return string(m.AppendText(nil)) }

// ParseMissing is the inverse of [Missing.String]. Words that this build does not know are
// returned in unknown, in the same form.
func ParseMissing(text string) (m Missing, unknown string) {
	set, unknown := parseNames(text, missingNames)
	return Missing(set), unknown
}
