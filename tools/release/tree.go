package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// readTree asks git what is released, and refuses a tree with changes.
func (r *release) readTree(dirty bool) error {
	changes, err := r.git("status", "--porcelain")
	if err != nil {
		return err
	}
	if changes != "" && !dirty {
		return fmt.Errorf("the tree has changes; a release is made of a commit:\n%s", changes)
	}
	if r.commit, err = r.git("rev-parse", "--short=12", "HEAD"); err != nil {
		return err
	}
	if changes != "" {
		r.commit += "-dirty"
	}
	seconds, err := r.git("log", "-1", "--format=%ct")
	if err != nil {
		return err
	}
	epoch, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return fmt.Errorf("time of the commit: %w", err)
	}
	r.time = time.Unix(epoch, 0).UTC()
	return nil
}

func (r *release) git(args ...string) (string, error) {
	cmd := exec.CommandContext(r.context, "git", append([]string{"-C", r.root}, args...)...) //nolint:gosec // our own arguments
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

// again builds the same release from a copy of the tree elsewhere, for its first
// target, and fails when a byte differs.
func (r *release) again() error {
	step("again", r.targets[0].String()+", in another directory")
	elsewhere, err := os.MkdirTemp("", "release-again-of-another-length-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(elsewhere)
	listed, err := r.git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return err
	}
	tree := filepath.Join(elsewhere, "tree")
	for _, name := range strings.Split(strings.TrimRight(listed, "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(r.root, name)) //nolint:gosec // a file of the tree
		if os.IsNotExist(err) {
			continue // deleted and not committed
		}
		if err != nil {
			return err
		}
		to := filepath.Join(tree, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(to, content, 0o600); err != nil {
			return err
		}
	}
	second := *r
	second.root, second.out, second.targets = tree, filepath.Join(elsewhere, "dist"), r.targets[:1]
	if len(r.targets) > 1 {
		first := *r
		first.out, first.targets = filepath.Join(elsewhere, "first"), second.targets
		if err := first.make(); err != nil {
			return err
		}
		return sameFiles(first.out, second.out, second.make)
	}
	return sameFiles(r.out, second.out, second.make)
}

// unequal are files that a signature with a nonce makes differ.
var unequal = regexp.MustCompile(`\.(sig|intoto\.jsonl)$`)

func sameFiles(one, other string, build func() error) error {
	if err := build(); err != nil {
		return err
	}
	compared := 0
	err := filepath.WalkDir(other, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || unequal.MatchString(path) {
			return err
		}
		a, err := os.ReadFile(path) //nolint:gosec // just written
		if err != nil {
			return err
		}
		b, err := os.ReadFile(filepath.Join(one, filepath.Base(path))) //nolint:gosec // just written
		if err != nil {
			return err
		}
		if !bytes.Equal(a, b) {
			return fmt.Errorf("%s is not reproducible: two builds of %s differ", filepath.Base(path), filepath.Base(path))
		}
		compared++
		return nil
	})
	if err == nil {
		step("same", fmt.Sprintf("%d files have the same bytes", compared))
	}
	return err
}

var heading = regexp.MustCompile(`(?m)^## \[([^\]]+)\].*$`)

// notes is the part of the changelog about a version, else that of what is not released
// yet, and whether it is the version's own.
func notes(changelog, version string) (text string, own bool) {
	parts := map[string]string{}
	marks := heading.FindAllStringSubmatchIndex(changelog, -1)
	for i, m := range marks {
		end := len(changelog)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		parts[changelog[m[2]:m[3]]] = strings.TrimSpace(changelog[m[1]:end])
	}
	if text, own = parts[version]; own {
		return text, true
	}
	return parts["Unreleased"], false
}

func (r *release) writeNotes() error {
	changelog, err := os.ReadFile(filepath.Join(r.root, "CHANGELOG.md"))
	if err != nil {
		return err
	}
	text, own := notes(string(changelog), r.version)
	if text == "" {
		return fmt.Errorf("CHANGELOG.md has neither a part for %s nor one for Unreleased", r.version)
	}
	if !own {
		step("notes", "CHANGELOG.md has no part for "+r.version+"; the notes are those of Unreleased")
	}
	return r.write("RELEASE_NOTES.md", []byte("# otelcol-usage "+r.version+"\n\n"+text+"\n"))
}
