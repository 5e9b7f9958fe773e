package genai

import (
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/once"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// modelInfo is what the name of a model says; see [catalog.Model].
type modelInfo struct {
	// base is a hash of the name without host, date and version: what two
	// observers of one call see alike. 0 for no name.
	base                               uint64
	vendor                             catalog.Vendor
	kind                               catalog.Kind
	reasons, bedrock, tokens, perImage bool
	searches, searchesByPrompt         bool
}

// maxModelCache bounds the memory of model names in one reading.
const maxModelCache = 1024

// model looks a model up, and remembers it: a payload names few models often.
func (r *reading) model(name string) modelInfo {
	if name == r.lastModel {
		return r.lastInfo
	}
	info, known := r.models.Get(name)
	if !known {
		info = inspectModel(name)
		if len(name) > usage.MaxModelBytes {
			return info
		}
		name = strings.Clone(name) // not the whole payload
		r.models.Add(name, info)
	}
	r.lastModel, r.lastInfo = name, info
	return info
}

func inspectModel(name string) modelInfo {
	if len(name) > usage.MaxModelBytes {
		name = name[:usage.MaxModelBytes]
	}
	m := catalog.Inspect(name)
	info := modelInfo{vendor: m.Vendor, kind: m.Kind, reasons: m.Reasons, bedrock: m.Bedrock, tokens: m.Tokens, perImage: m.PerImage,
		searches: m.Searches, searchesByPrompt: m.SearchesByPrompt}
	if m.Base != "" {
		info.base = once.Hash(m.Base)
	}
	return info
}
