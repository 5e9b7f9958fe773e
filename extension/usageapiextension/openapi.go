package usageapiextension

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/otelcol-usage/otelcol-usage/internal/build"
)

//go:embed openapi.yaml
var openAPIText []byte

// openAPIDocument is openapi.yaml converted to JSON.
var openAPIDocument = sync.OnceValues(func() ([]byte, error) {
	var document any
	if err := yaml.Unmarshal(openAPIText, &document); err != nil {
		return nil, fmt.Errorf("read openapi.yaml: %w", err)
	}
	return json.Marshal(document)
})

// openAPI answers /api/openapi.json.
func (a *api) openAPI(*question) (*answer, error) {
	document, err := openAPIDocument()
	if err != nil {
		return nil, err
	}
	return &answer{body: document, maxAge: time.Hour}, nil
}

// versionDocument is the response of GET /api/version.
type versionDocument struct {
	Version string  `json:"version"`
	Commit  *string `json:"commit"`
}

// version answers /api/version.
func (a *api) version(*question) (*answer, error) {
	b := build.Current()
	document := versionDocument{Version: b.Version}
	if b.Commit != "" {
		document.Commit = &b.Commit
	}
	return jsonAnswer(document, 1)
}
