package genai

// follows says whose attribute names a dialect writes, and what their owner promises about
// them. docs/compatibility.md lists it, with the versions of the conventions that its
// captures show.
type follows struct {
	names     string
	stability stability
}

// stability is what the owner promises about the names.
type stability string

const (
	// inDevelopment is OpenTelemetry's own term for its GenAI conventions: a release may
	// rename anything.
	inDevelopment stability = "development"
	// experimental: the owner calls them beta or experimental.
	experimental stability = "experimental"
	// documented: the owner documents them and promises nothing.
	documented stability = "documented"
	// inSourceOnly: they are known only from the owner's code or from captures.
	inSourceOnly stability = "source only"
)

// followsConventions is for dialects without names of their own.
var followsConventions = follows{"OpenTelemetry GenAI", inDevelopment}

// alsoOwn is for dialects that add their own names to those of the conventions.
func alsoOwn(names string, s stability) follows {
	return follows{followsConventions.names + " and " + names, s}
}

// conventionVersions are the names that a release of the OpenTelemetry GenAI
// conventions added or gave up: who writes one follows these versions.
//
// Source: go.opentelemetry.io/otel/semconv/v1.26.0 to v1.40.0,
// semantic-conventions-genai #440.
var conventionVersions = []struct{ name, versions string }{
	{"gen_ai.usage.prompt_tokens", "up to 1.26"},
	{"gen_ai.usage.input_tokens", "1.27 and later"},
	{"gen_ai.system", "up to 1.36"},
	{"gen_ai.provider.name", "1.37 and later"},
	{"gen_ai.usage.cache_read.input_tokens", "1.40 and later"},
	{"gen_ai.usage.cache_write.input_tokens", "newer than 1.42"},
}
