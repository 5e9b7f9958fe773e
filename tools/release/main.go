package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// allTargets are the systems that a release is made for, as GOOS/GOARCH.
const allTargets = "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64"

// release is one version in the making.
type release struct {
	root    string // the checked-out tree
	out     string // where the files go
	version string // without v
	commit  string // twelve digits, -dirty behind them when files are changed
	time    time.Time
	targets []target
	key     string // file of a private key, "" for none
	alone   bool   // packages alone
	work    string // scratch
	context context.Context
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

var semantic = regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	version := flags.String("version", "", "the version, such as 0.1.0 or 0.2.0-rc.1")
	root := flags.String("root", ".", "the checked-out tree")
	out := flags.String("out", "dist", "directory that the files go to; it must be new or empty")
	targets := flags.String("targets", allTargets, "systems, as GOOS/GOARCH with commas between them")
	key := flags.String("key", os.Getenv("RELEASE_KEY_FILE"), "private key (ECDSA P-256, PKCS #8 in PEM) that signs; none signs nothing; default: RELEASE_KEY_FILE")
	dirty := flags.Bool("dirty", false, "also from a tree with changes, which the commit then tells")
	check := flags.Bool("check", false, "build once more in another directory and compare every byte")
	alone := flags.Bool("packages", false, "make the deb and the rpm alone")
	push := flags.String("push", "", "push the images of -out to this registry and repository prefix, such as ghcr.io/otelcol-usage, and do nothing else")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if !semantic.MatchString(*version) {
		return fmt.Errorf("-version: found %q, must be a semantic version without v, such as 0.1.0", *version)
	}
	r := &release{version: *version, key: *key, alone: *alone, context: ctx}
	var err error
	if r.root, err = filepath.Abs(*root); err != nil {
		return err
	}
	if r.out, err = filepath.Abs(*out); err != nil {
		return err
	}
	if *push != "" {
		return r.push(*push)
	}
	if r.targets, err = parseTargets(*targets); err != nil {
		return err
	}
	if err := r.readTree(*dirty); err != nil {
		return err
	}
	if err := r.make(); err != nil || !*check {
		return err
	}
	return r.again()
}

// make writes all files.
func (r *release) make() error {
	if entries, err := os.ReadDir(r.out); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty: move it away, or name another directory by -out", r.out)
	}
	var err error
	if r.work, err = os.MkdirTemp("", "release-"); err != nil {
		return err
	}
	defer os.RemoveAll(r.work)
	if err := os.MkdirAll(r.out, 0o755); err != nil { //nolint:gosec // for everybody to read
		return err
	}
	manual, err := r.compileManual()
	if err != nil {
		return err
	}
	images := map[string][]builtImage{}
	for _, t := range r.targets {
		step("compile", t.String())
		built, err := r.compile(t)
		if err != nil {
			return err
		}
		files, err := r.content(built, manual)
		if err != nil {
			return err
		}
		if t.os == "linux" {
			if err := r.writePackages(t, files); err != nil {
				return err
			}
		}
		if r.alone {
			continue
		}
		if err := errors.Join(r.writeArchive(t, files), r.writeBills(built)); err != nil {
			return err
		}
		if t.os != "linux" {
			continue
		}
		for _, name := range imageNames {
			image, err := r.image(name, built)
			if err != nil {
				return err
			}
			images[name] = append(images[name], builtImage{t, image})
		}
	}
	for _, name := range imageNames {
		if err := r.writeImages(name, images[name]); err != nil {
			return err
		}
	}
	return errors.Join(r.writeNotes(), r.attest())
}

func step(what, of string) { fmt.Printf("%-10s %s\n", what, of) }

// write leaves a file in the output directory.
func (r *release) write(name string, content []byte) error {
	step("write", name)
	return os.WriteFile(filepath.Join(r.out, name), content, 0o644) //nolint:gosec // for everybody to read
}

// fileName is the name of a file for a target.
func (r *release) fileName(t target, ending string) string {
	return strings.Join([]string{"otelcol-usage", r.version, t.os, t.arch}, "_") + ending
}
