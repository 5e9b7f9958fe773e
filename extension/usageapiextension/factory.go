package usageapiextension

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"

	"github.com/otelcol-usage/otelcol-usage/extension/usageapiextension/internal/metadata"
)

// NewFactory returns the factory of the extension usage_api.
func NewFactory() extension.Factory {
	return extension.NewFactory(metadata.Type, createDefaultConfig, create, metadata.ExtensionStability)
}

func create(_ context.Context, settings extension.Settings, config component.Config) (extension.Extension, error) {
	return newAPI(config.(*Config), settings)
}
