package archtest

import (
	"go/scanner"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
)

// mayWriteProviders write telemetry as apps do.
var mayWriteProviders = []string{"internal/catalog", "e2e", "tools/benche2e", "tools/benchprocessor", "tools/benchstore"}

func TestOnePlaceNamesProviders(t *testing.T) {
	t.Parallel()
	for _, f := range ourTextFiles(t) {
		if !strings.HasSuffix(f.path, ".go") || strings.HasSuffix(f.path, "_test.go") || isAmong(f.path, mayWriteProviders) {
			continue
		}
		for _, text := range providersNamed(f.text) {
			t.Errorf("%s names the provider %q: use the name in internal/catalog, or add it there", f.path, text)
		}
	}
}

func TestNamesOfProvidersAreFound(t *testing.T) {
	t.Parallel()
	const code = "package p\n\n// \"aws.bedrock\" in a comment\nvar a, b, c = \"aws.bedrock\", `api.openai.com`, \"about aws.bedrock\"\n"
	found := providersNamed(code)
	if len(found) != 2 || found[0] != "aws.bedrock" || found[1] != "api.openai.com" {
		t.Errorf("found %q", found)
	}
}

func isAmong(path string, folders []string) bool {
	for _, folder := range folders {
		if within(path, folder) {
			return true
		}
	}
	return false
}

// providersNamed lists the string literals of Go code that are an address, or a
// name that means a provider and nothing else: one in OpenTelemetry's form, of
// several words.
func providersNamed(code string) (list []string) {
	files := token.NewFileSet()
	var s scanner.Scanner
	s.Init(files.AddFile("", files.Base(), len(code)), []byte(code), nil, 0)
	for {
		_, kind, literal := s.Scan()
		switch kind {
		case token.EOF:
			return list
		case token.STRING:
			text, err := strconv.Unquote(literal)
			if err == nil && (catalog.At(text) != "" || strings.ContainsAny(text, "._") && namesProvider(text)) {
				list = append(list, text)
			}
		}
	}
}

func namesProvider(text string) bool {
	p := catalog.Named(text)
	return p != nil && p.Name == text
}
