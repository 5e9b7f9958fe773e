package main

import (
	"os"
	"path/filepath"
	"runtime"
)

// goLicence is the licence of Go, which comes with every toolchain.
var goLicence = func() string {
	text, err := os.ReadFile(filepath.Join(runtime.GOROOT(), "LICENSE")) //nolint:staticcheck // run by `go run` alone
	if err != nil {
		panic(err)
	}
	return plain(text)
}()
