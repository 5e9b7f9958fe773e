package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
)

func TestTheAddressOfARegionalHostNamesItsRegion(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"":                   "",
		"localhost":          "",
		"api.openai.com":     "",
		"eu.api.openai.com":  "eu",
		"us.api.openai.com":  "us",
		"us-east-1.api.x.ai": "us-east-1",
		"api.x.ai":           "",
		"bedrock-runtime.us-east-1.amazonaws.com":          "us-east-1",
		"bedrock-runtime-fips.us-gov-west-1.amazonaws.com": "us-gov-west-1",
		"bedrock-mantle.eu-west-1.api.aws":                 "eu-west-1",
		"s3.us-east-1.amazonaws.com":                       "",
		"aiplatform.googleapis.com":                        "",
		"us-central1-aiplatform.googleapis.com":            "us-central1",
		"aiplatform.eu.rep.googleapis.com":                 "eu",
		"generativelanguage.googleapis.com":                "",
		"swedencentral.api.cognitive.microsoft.com":        "swedencentral",
		"my-resource.openai.azure.com":                     "",
		"us-south.ml.cloud.ibm.com":                        "us-south",
		"api.anthropic.com":                                "",
	} {
		assert.Equal(t, want, catalog.RegionAt(address), address)
	}
}

func TestADataZoneIsTheContinentOfItsRegion(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]string{"": "us", "eastus2": "us", "swedencentral": "eu", "West Europe": "eu", "uksouth": "eu", "japaneast": "apac", "Central India": "apac", "southeastasia": "apac"} {
		assert.Equal(t, want, catalog.DataZone(region), region)
	}
}

func TestARouterIsKnownByItsName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"": false, "gpt-4.1": false, "model-router": true, "azure/Model-Router": true, "model-router-2026-05-01": true, "my-model-router": false} {
		assert.Equal(t, want, catalog.IsRouter(name), name)
	}
}
