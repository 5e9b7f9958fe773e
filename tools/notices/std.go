package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// goLicence is the licence of Go, which comes with every toolchain. The toolchain says
// where it is: a program that is built with -trimpath does not know.
var goLicence = func() string {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		panic(err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "LICENSE"))
	if err != nil {
		panic(err)
	}
	return plain(text)
}()
