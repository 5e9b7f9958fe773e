package main

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// file is one file of an archive or a package.
type file struct {
	// archived and installed are its paths: below the folder of an archive, and on a
	// Linux system; "" is in none.
	archived, installed string
	content             []byte
	mode                fs.FileMode
	config              bool // what the operator wrote there stays
}

// documents are folders and files of the tree that go along, as they are.
var documents = []string{"README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE", "THIRD_PARTY_NOTICES", "docs", "examples", "dashboards"}

const documentsFolder = "/usr/share/doc/otelcol-usage/"

// content is what an archive and the packages of a target hold, in the order of paths.
func (r *release) content(built programs, manual manual) ([]file, error) {
	var files []file
	add := func(f file, err error) error {
		if f.mode == 0 {
			f.mode = 0o644
		}
		files = append(files, f)
		return err
	}
	for _, p := range allPrograms {
		content, err := os.ReadFile(built.files[p.name])
		if err := add(file{filepath.Base(built.files[p.name]), "/usr/bin/" + p.name, content, 0o755, false}, err); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(manual.pages)) {
		text := manual.pages[name]
		packed, err := pack(text, gzip.BestCompression)
		if err != nil {
			return nil, err
		}
		files = append(files, file{"man/" + name, "", text, 0o644, false}, file{"", "/usr/share/man/man1/" + name + ".gz", packed, 0o644, false})
	}
	for shell, name := range map[string]string{"bash-completion/completions": "usagectl", "zsh/site-functions": "_usagectl", "fish/vendor_completions.d": "usagectl.fish"} {
		files = append(files, file{"completions/" + name, "/usr/share/" + shell + "/" + name, manual.completions[name], 0o644, false})
	}
	for _, d := range documents {
		found, err := r.read(d)
		if err != nil {
			return nil, err
		}
		for name, content := range found {
			files = append(files, file{name, documentsFolder + name, content, 0o644, false})
		}
	}
	for _, s := range []file{
		{"", "/usr/lib/systemd/system/otelcol-usage.service", nil, 0o644, false},
		{"", "/usr/lib/systemd/system/usagectl-bill.service", nil, 0o644, false},
		{"", "/usr/lib/systemd/system/usagectl-bill.timer", nil, 0o644, false},
		{"", "/usr/lib/systemd/system/usagectl-budgets.service", nil, 0o644, false},
		{"", "/usr/lib/systemd/system/usagectl-budgets.timer", nil, 0o644, false},
		{"", "/usr/lib/systemd/system/usagectl-meter.service", nil, 0o644, false},
		{"", "/usr/lib/systemd/system/usagectl-meter.timer", nil, 0o644, false},
		{"", "/usr/lib/systemd/system/usagectl-outlook.service", nil, 0o644, false},
		{"", "/usr/lib/systemd/system/usagectl-outlook.timer", nil, 0o644, false},
		{"", "/usr/lib/systemd/system/usagectl-plans.service", nil, 0o644, false},
		{"", "/usr/lib/systemd/system/usagectl-plans.timer", nil, 0o644, false},
	} {
		var err error
		s.content, err = os.ReadFile(filepath.Join(r.root, "examples", filepath.Base(s.installed)))
		if err := add(s, err); err != nil {
			return nil, err
		}
	}
	config, err := os.ReadFile(filepath.Join(r.root, "examples", "package.yaml"))
	if err := add(file{"", "/etc/otelcol-usage/config.yaml", config, 0o644, true}, err); err != nil {
		return nil, err
	}
	environment, err := os.ReadFile(filepath.Join(r.root, "packaging", "environment"))
	if err := add(file{"", "/etc/otelcol-usage/environment", environment, 0o600, true}, err); err != nil {
		return nil, err
	}
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.archived+a.installed, b.archived+b.installed) })
	return files, nil
}

// read gives a file of the tree, or all that git has in a folder, by path.
func (r *release) read(name string) (map[string][]byte, error) {
	found := map[string][]byte{}
	err := filepath.WalkDir(filepath.Join(r.root, name), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(r.root, path)
		if err != nil {
			return err
		}
		// Code and pictures of the repository help nobody who has the programs.
		if d.IsDir() {
			if d.Name() == "internal" || d.Name() == "testdata" || d.Name() == "images" {
				return fs.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(path, ".go") {
			return nil
		}
		found[filepath.ToSlash(relative)], err = os.ReadFile(path) //nolint:gosec // a file of the tree
		return err
	})
	return found, err
}

// pack is gzip without a name and a time.
func pack(content []byte, level int) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, level)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}
