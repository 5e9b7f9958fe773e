// Command notices writes THIRD_PARTY_NOTICES: every module that is linked into one of
// our programs, on any system they are built for, with its version, its licence as
// licensecheck reads it, and the texts that the licences want passed on.
//
// It owns that file. It fails for a licence that is not on its list, and for a module
// whose licence it cannot find or recognise.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// allowed are the licences whose terms a copy of this file keeps. MPL-2.0 asks for the
// source of its files, unchanged here, which the address of the module leads to. No
// licence is here that reaches our own code.
var allowed = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0", "Unlicense", "CC0-1.0", "Zlib", "0BSD"}

// programs are the folders of our main packages, each of a module.
var programs = []struct{ module, pkg string }{{"distribution", "."}, {".", "./cmd/usagectl"}}

var systems = []string{"linux/amd64", "linux/arm64", "darwin/arm64", "windows/amd64"}

// covered is how much of a text has to be the licence: the rest is names and years.
const covered = 75

// module is a module whose code is linked.
type module struct {
	path, version, dir string
	packages           map[string]bool // folders of the packages that are
	licences           []string
	texts              []string // of licences and notices
}

func main() {
	root := flag.String("root", "../..", "folder of the repository")
	flag.Parse()
	if err := run(*root); err != nil {
		fmt.Fprintln(os.Stderr, "notices:", err)
		os.Exit(1)
	}
}

func run(root string) error {
	linked := map[string]*module{}
	for _, p := range programs {
		for _, system := range systems {
			if err := list(filepath.Join(root, p.module), p.pkg, system, linked); err != nil {
				return err
			}
		}
	}
	var errs []error
	for _, m := range linked {
		errs = append(errs, m.read())
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, "THIRD_PARTY_NOTICES"), write(linked), 0o644) //nolint:gosec // for everybody
}

// list adds the modules of others that a program links.
func list(dir, pkg, system string, linked map[string]*module) error {
	goos, goarch, _ := strings.Cut(system, "/")
	cmd := exec.Command("go", "list", "-deps", "-json=Dir,Module", pkg)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("go list -deps %s in %s: %w", pkg, dir, err)
	}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Dir    string
			Module *struct {
				Path, Version, Dir string
				Main               bool
				Replace            *struct{ Path, Version, Dir string }
			}
		}
		switch err := decoder.Decode(&p); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		m := p.Module
		if m == nil || m.Main || strings.HasPrefix(m.Path, "github.com/otelcol-usage/") {
			continue // the standard library, which is distinguished, and our own
		}
		path, version, folder := m.Path, m.Version, m.Dir
		if m.Replace != nil {
			path, version, folder = m.Replace.Path, m.Replace.Version, m.Replace.Dir
		}
		key := path + " " + version // two programs may link two versions
		if linked[key] == nil {
			linked[key] = &module{path: path, version: version, dir: folder, packages: map[string]bool{}}
		}
		linked[key].packages[p.Dir] = true
	}
}

var (
	licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense)([._-].*)?$`)
	noticeFile  = regexp.MustCompile(`(?i)^notice(\.(txt|md))?$`)
)

// read finds the licences of the module: in its root, and between that and the packages
// that are linked.
func (m *module) read() error {
	folders := map[string]bool{m.dir: true}
	for folder := range m.packages {
		for ; strings.HasPrefix(folder, m.dir) && folder != m.dir; folder = filepath.Dir(folder) {
			folders[folder] = true
		}
	}
	found := map[string]bool{}
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		entries, err := os.ReadDir(folder)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			isLicence := licenceFile.MatchString(entry.Name()) && !strings.HasSuffix(entry.Name(), ".go")
			if entry.IsDir() || !isLicence && !noticeFile.MatchString(entry.Name()) {
				continue
			}
			text, err := os.ReadFile(filepath.Join(folder, entry.Name()))
			if err != nil {
				return err
			}
			m.texts = append(m.texts, plain(text))
			if !isLicence {
				continue
			}
			coverage := licensecheck.Scan(text)
			for _, match := range coverage.Match {
				found[match.ID] = true
				if !slices.Contains(allowed, match.ID) {
					return fmt.Errorf("%s %s: %s has the licence %s, which is not allowed; allowed are %s", m.path, m.version, entry.Name(), match.ID, strings.Join(allowed, ", "))
				}
			}
			if len(coverage.Match) == 0 || coverage.Percent < covered {
				return fmt.Errorf("%s %s: %s is no licence that is known (%.0f %% of it is, %d are needed)", m.path, m.version, filepath.Join(folder, entry.Name()), coverage.Percent, covered)
			}
		}
	}
	if m.licences = slices.Sorted(maps.Keys(found)); len(m.licences) == 0 {
		return fmt.Errorf("%s %s: no file of a licence in %s", m.path, m.version, m.dir)
	}
	return nil
}

// plain is a text with our line ends and without trailing space.
func plain(text []byte) string {
	lines := strings.Split(strings.ReplaceAll(strings.ToValidUTF8(string(text), "?"), "\r\n", "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \t\r\f\ufeff")
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n") + "\n"
}

const head = `Third-party notices of otelcol-usage and usagectl

Written by tools/notices (make notices) from the code that is linked. First a line for each
module: its path, version and licence; the source is at its path, through any proxy of Go
modules. Then the texts, each once, with the modules it is of.

`

func write(linked map[string]*module) []byte {
	var b bytes.Buffer
	b.WriteString(head)
	of := map[string][]string{}
	for _, key := range slices.Sorted(maps.Keys(linked)) {
		m := linked[key]
		fmt.Fprintf(&b, "%s %s %s\n", m.path, m.version, strings.Join(m.licences, "+"))
		for _, text := range m.texts {
			if !slices.Contains(of[text], m.path) {
				of[text] = append(of[text], m.path)
			}
		}
	}
	// Go's library is linked too, whatever version builds.
	b.WriteString("std go BSD-3-Clause\n")
	texts := slices.SortedFunc(maps.Keys(of), func(a, b string) int { return strings.Compare(of[a][0]+a, of[b][0]+b) })
	for _, text := range append(texts, goLicence) {
		b.WriteString("\n" + strings.Repeat("-", 78) + "\n")
		if text == goLicence {
			b.WriteString("std\n\n")
		} else {
			b.WriteString(strings.Join(of[text], "\n") + "\n\n")
		}
		b.WriteString(text)
	}
	return b.Bytes()
}
