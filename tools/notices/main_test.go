package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	gpl = "This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any later version.\n"
	isc = "Copyright (c) 2026 Somebody\n\nPermission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, provided that the above copyright notice and this permission notice appear in all copies.\n\nTHE SOFTWARE IS PROVIDED \"AS IS\" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.\n"
)

func TestOnlyKnownLicencesThatAreAllowedPass(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string // part of the error
	}{
		"allowed":                         {map[string]string{"LICENSE": isc, "sub/NOTICE": "made by somebody\n"}, ""},
		"copyleft":                        {map[string]string{"LICENSE": gpl}, "the licence GPL-3.0"},
		"copyleft of a package":           {map[string]string{"LICENSE": isc, "sub/COPYING": gpl}, "the licence GPL-3.0"},
		"unknown":                         {map[string]string{"LICENSE.md": "Do what the author likes.\n"}, "is no licence that is known"},
		"more than the licence":           {map[string]string{"LICENSE": isc + strings.Repeat("Not for use on Sundays. ", 100)}, "is no licence that is known"},
		"none":                            {map[string]string{"README": isc}, "no file of a licence"},
		"of a package that is not linked": {map[string]string{"LICENSE": isc, "other/LICENSE": gpl}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range c.files {
				file = filepath.Join(dir, file)
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o755); err != nil {
				t.Fatal(err)
			}
			m := &module{path: "example.com/x", version: "v1.0.0", dir: dir, packages: map[string]bool{filepath.Join(dir, "sub"): true}}
			err := m.read()
			switch {
			case c.want == "" && (err != nil || strings.Join(m.licences, " ") != "ISC"):
				t.Errorf("%v, %v", m.licences, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("error is %v, want %q in it", err, c.want)
			}
		})
	}
}
