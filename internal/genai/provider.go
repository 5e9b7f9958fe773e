package genai

import (
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// providerOf decides who hosts the call from what the span calls the provider,
// the address it called and the model it names, in this order of trust: the
// address beats the names of client libraries, a hosting platform's name beats
// the address (some libraries write the vendor's address without looking), and
// the model decides where the name is a framework's.
//
// The calls of a payload are mostly to few hosts: reading.host remembers them.
func providerOf(named, address, model string, info modelInfo) string {
	p := catalog.Canonical(named)
	switch p {
	case catalog.OpenAI, catalog.Anthropic, catalog.GoogleAny, "":
		switch at := catalog.At(address); at {
		case "":
		case catalog.AzureAI:
			p = at // see below
		default:
			return at
		}
	}
	switch p {
	case "":
		if catalog.IsFramework(named) {
			return providerOfModel(named, model, info)
		}
		return catalog.WithoutAPI(named)
	case catalog.GoogleAny:
		return catalog.Gemini
	case catalog.AzureAI:
		if info.vendor == catalog.VendorOpenAI {
			return catalog.AzureOpenAI // which sells them there, at any endpoint
		}
	case catalog.Anthropic, catalog.OpenAI:
		if info.bedrock {
			return catalog.Bedrock
		}
		// OpenAI serves no models of others: the name is its client library's,
		// pointed elsewhere, and the span does not say where. Models that
		// anybody may host stay what they are, without a price.
		if p == catalog.OpenAI && info.vendor.Keeps(model) {
			return info.vendor.Host()
		}
	}
	return p
}

// providerOfModel decides by the model alone, when the span names a framework instead of a
// provider.
func providerOfModel(framework, model string, info modelInfo) string {
	if info.bedrock {
		return catalog.Bedrock
	}
	prefix, _, ok := strings.Cut(model, "/")
	if !ok {
		prefix, _, ok = strings.Cut(model, ":") // Pydantic AI's and LangChain's
	}
	if ok {
		if p := catalog.Canonical(prefix); p == catalog.GoogleAny {
			return catalog.Gemini
		} else if p != "" {
			return p
		}
	}
	if host := info.vendor.Host(); host != "" {
		return host
	}
	if catalog.IsNobody(framework) {
		return ""
	}
	return framework
}

// askedAtCloud takes the cloud that served a call of Claude from what Anthropic's SDKs leave
// on the span: they name Anthropic and the model of its own API, while the model that was
// asked for and the id of the answer are the cloud's. It reports whether the model changed.
func (f *found) askedAtCloud(info *modelInfo) bool {
	call := &f.call
	bedrock := strings.HasPrefix(call.ResponseID, "msg_bdrk_")
	vertex := strings.HasPrefix(call.ResponseID, "msg_vrtx_")
	asked := call.RequestModel != call.Model && !info.bedrock && strings.Contains(call.RequestModel, "anthropic.")
	vertex = vertex || call.RequestModel != call.Model && strings.Contains(call.RequestModel, "@")
	if !bedrock && !vertex && !asked {
		return false
	}
	named := catalog.Canonical(f.provider)
	if named != catalog.Anthropic && named != catalog.Bedrock && named != catalog.Vertex && (named != "" || !catalog.IsFramework(f.provider)) {
		return false // a gateway, which bills in its own name
	}
	switch {
	case vertex && named != catalog.Bedrock:
		f.provider = catalog.Vertex
	case named == catalog.Anthropic || named == "":
		f.provider = catalog.Bedrock
	}
	if !asked || vertex {
		return false
	}
	call.Model = call.RequestModel // says which profile, and so where
	return true
}

// addressIn returns the host of the first URL on the span at which a provider answers.
func addressIn(a *attributes) string {
	if !a.some(isURL) {
		return ""
	}
	for _, id := range namesURL {
		if host := catalog.HostNamed(a.text(id)); host != "" {
			return host
		}
	}
	return ""
}

// hostKey is what decides who hosts a call.
type hostKey struct{ named, address, model string }

// knownHost is the host of a call, and the provider whose API the library speaks.
type knownHost struct {
	provider, client string
	// own: the address is the provider's own and tells where the call went.
	own bool
	// region is what the address tells.
	region string
}

// host is [providerOf] with a cache. The result is valid until the next call.
func (r *reading) host(key hostKey, info *modelInfo) *knownHost {
	hash := nameHash(key.named) ^ nameHash(key.address)<<1 ^ nameHash(key.model)
	h, known := r.hosts.at(hash, key)
	if known {
		return h
	}
	key = hostKey{strings.Clone(key.named), strings.Clone(key.address), strings.Clone(key.model)} // clone, so that the payload is not kept in memory
	address := key.address
	if address == "" {
		address = catalog.HostNamed(key.named)
	}
	provider := providerOf(key.named, address, key.model, *info)
	*h = knownHost{provider, catalog.Canonical(key.named), address != "" && catalog.At(address) == provider, catalog.RegionAt(address)}
	if len(key.named)+len(key.address)+len(key.model) > maxHostKey {
		r.hosts.forget(hash)
	} else {
		r.hosts.keep(hash, key)
	}
	return h
}

// maxHostKey is the maximum length of the names of a call that are cached.
const maxHostKey = 3 * usage.MaxTextBytes
