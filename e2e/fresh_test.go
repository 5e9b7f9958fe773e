package e2e

// The tests run a binary and not these packages. Importing them tells go test
// that a result in its cache is out of date when one of them changes.
import (
	_ "github.com/otelcol-usage/otelcol-usage/exporter/usagepostgresexporter"
	_ "github.com/otelcol-usage/otelcol-usage/extension/usageapiextension"
	_ "github.com/otelcol-usage/otelcol-usage/processor/genaiusageprocessor"
)
