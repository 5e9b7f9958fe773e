package main

import (
	"bytes"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// target is a system that programs are compiled for.
type target struct{ os, arch string }

func (t target) String() string { return t.os + "/" + t.arch }

func parseTargets(text string) ([]target, error) {
	var targets []target
	for _, word := range strings.Split(text, ",") {
		if !strings.Contains(","+allTargets+",", ","+word+",") {
			return nil, fmt.Errorf("-targets: found %q, must be of %s", word, allTargets)
		}
		system, arch, _ := strings.Cut(word, "/")
		targets = append(targets, target{system, arch})
	}
	return targets, nil
}

// programs is what was compiled for a target: files by the name of the program.
type programs struct {
	target
	files map[string]string
}

// program is where one of our programs is: the module, and the package in it.
var allPrograms = []struct{ name, module, pkg string }{
	{"otelcol-usage", "distribution", "."},
	{"usagectl", ".", "./cmd/usagectl"},
}

// compile builds our programs. What could differ from machine to machine is set here:
// paths, the caller's flags, the processor's level.
func (r *release) compile(t target) (programs, error) {
	built := programs{target: t, files: map[string]string{}}
	const variables = "github.com/otelcol-usage/otelcol-usage/internal/build"
	for _, p := range allPrograms {
		file := filepath.Join(r.work, t.os+"-"+t.arch, p.name)
		if t.os == "windows" {
			file += ".exe"
		}
		built.files[p.name] = file
		if _, err := os.Stat(file); err == nil {
			continue // the manual's, which is of this target
		}
		cmd := exec.CommandContext(r.context, "go", "build", "-C", p.module, "-trimpath", "-buildvcs=false", //nolint:gosec // our own arguments
			"-ldflags", fmt.Sprintf("-s -w -buildid= -X %[1]s.version=%[2]s -X %[1]s.commit=%[3]s", variables, r.version, r.commit), "-o", file, p.pkg)
		cmd.Dir = r.root
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOEXPERIMENT=", "GOOS="+t.os, "GOARCH="+t.arch, "GOAMD64=v1", "GOARM64=v8.0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return built, fmt.Errorf("compile %s for %s: %w\n%s", p.name, t, err, out)
		}
		if err := t.made(file); err != nil {
			return built, err
		}
	}
	return built, nil
}

// made reports whether a program is of this target, as the compiler wrote into it, and needs no
// library of the system.
func (t target) made(file string) error {
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return err
	}
	is := map[string]string{}
	for _, setting := range info.Settings {
		is[setting.Key] = setting.Value
	}
	if is["GOOS"] != t.os || is["GOARCH"] != t.arch || is["CGO_ENABLED"] != "0" {
		return fmt.Errorf("%s is for %s/%s with CGO_ENABLED=%s, must be for %s with 0", file, is["GOOS"], is["GOARCH"], is["CGO_ENABLED"], t)
	}
	return nil
}

// manual is what our programs write about themselves: manual pages and completions, by
// file name.
type manual struct{ pages, completions map[string][]byte }

func (r *release) compileManual() (manual, error) {
	m := manual{map[string][]byte{}, map[string][]byte{}}
	host := target{runtime.GOOS, runtime.GOARCH}
	step("compile", host.String()+", for the manual")
	built, err := r.compile(host)
	if err != nil {
		return m, err
	}
	usagectl, directory := built.files["usagectl"], filepath.Join(r.work, "man")
	if out, err := exec.CommandContext(r.context, usagectl, "man", directory).CombinedOutput(); err != nil { //nolint:gosec // just compiled
		return m, fmt.Errorf("usagectl man: %w: %s", err, out)
	}
	pages, err := filepath.Glob(filepath.Join(directory, "*.1"))
	if err != nil {
		return m, err
	}
	for _, page := range append(pages, filepath.Join(r.root, "packaging", "otelcol-usage.1")) {
		if m.pages[filepath.Base(page)], err = os.ReadFile(page); err != nil { //nolint:gosec // just written, or ours
			return m, err
		}
	}
	for shell, name := range map[string]string{"bash": "usagectl", "zsh": "_usagectl", "fish": "usagectl.fish"} {
		var stderr bytes.Buffer
		cmd := exec.CommandContext(r.context, usagectl, "completion", shell) //nolint:gosec // just compiled
		cmd.Stderr = &stderr
		if m.completions[name], err = cmd.Output(); err != nil {
			return m, fmt.Errorf("usagectl completion %s: %w: %s", shell, err, stderr.String())
		}
	}
	return m, nil
}
