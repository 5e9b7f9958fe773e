// Package examples holds collector configurations that work as they are. A
// test validates each with the built binary; the demo runs demo.yaml.
//
// It owns files only.
package examples

import "embed"

// Files are the configurations, by file name.
//
//go:embed *.yaml
var Files embed.FS
