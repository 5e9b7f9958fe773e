package main

import "github.com/otelcol-usage/otelcol-usage/internal/build"

// buildVersion adds to the version of builder-config.yaml what this build knows of itself.
func buildVersion(configured string) string { return build.Current().Or(configured) }
