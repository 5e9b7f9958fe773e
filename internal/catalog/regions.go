package catalog

import (
	"slices"
	"strings"
)

// RegionAt reads the region from the address of a host that has one host name per region:
// "eu.api.openai.com", "bedrock-runtime.us-east-1.amazonaws.com",
// "us-central1-aiplatform.googleapis.com", "aiplatform.eu.rep.googleapis.com".
// It takes a URL too, as [At] does.
func RegionAt(address string) string {
	address = hostIn(address)
	if len(address) < 12 {
		return ""
	}
	first, rest, _ := strings.Cut(address, ".")
	switch rest {
	case "api.openai.com", "api.x.ai", "ml.cloud.ibm.com", "api.cognitive.microsoft.com":
		return first
	case "googleapis.com":
		region, _ := strings.CutSuffix(first, "-aiplatform")
		if region == first {
			return "" // the global endpoint
		}
		return region
	}
	second, rest, _ := strings.Cut(rest, ".")
	switch rest {
	case "amazonaws.com", "amazonaws.com.cn", "api.aws":
		if strings.HasPrefix(first, "bedrock") || strings.HasPrefix(first, "aws-external-anthropic") {
			return second
		}
	case "rep.googleapis.com":
		if first == "aiplatform" {
			return second
		}
	}
	return ""
}

// RegionInName reads the region from a model's full name: "projects/p/locations/
// europe-west4/publishers/google/models/x", "arn:aws:bedrock:us-east-1:…".
func RegionInName(model string) string {
	switch {
	case strings.HasPrefix(model, "projects/"):
		_, rest, _ := strings.Cut(model, "/locations/")
		region, _, _ := strings.Cut(rest, "/")
		return region
	case strings.HasPrefix(model, "arn:"):
		if parts := strings.SplitN(model, ":", 5); len(parts) == 5 && parts[2] == "bedrock" {
			return parts[3]
		}
	}
	return ""
}

// europe are parts of the names of Azure's European regions.
var europe = []string{"europe", "sweden", "france", "germany", "norway", "switzerland", "italy", "poland", "spain", "austria", "uk", "belgium", "denmark"}

// asia are parts of the names of Azure's regions in the data zone Asia-Pacific.
var asia = []string{"asia", "australia", "india", "japan", "korea"}

// DataZone returns the data zone, "eu", "apac" or "us", of an Azure region. For an unknown
// region it returns "us", the oldest and largest zone, which costs the same as the EU's.
func DataZone(region string) string {
	region = strings.ToLower(region)
	in := func(part string) bool { return strings.Contains(region, part) }
	switch {
	case slices.ContainsFunc(europe, in):
		return "eu"
	case slices.ContainsFunc(asia, in):
		return "apac"
	}
	return "us"
}
