package genai

// copilot is GitHub's: the newest conventions, with itself as provider of
// every model.
//
// Source: captures of Copilot CLI 1.0.102.
var copilot = dialect{
	name:    "copilot",
	follows: followsConventions,
	scopes:  []string{"github.copilot*", "github-copilot*", "copilot*", "@github/copilot*"},
	systems: []string{"github"},
	words:   conventionWords.complete(),
	input:   inputInclusive,
	output:  outputInclusive,
	knows:   knownFromAttributes,
	reports: MissingCache,
}
