// Command benchprocessor measures what a span costs the processor, from the decoded
// payload to the record, and compares two commits:
//
//	go run ./tools/benchprocessor                  this checkout
//	go run ./tools/benchprocessor -before v1.2.0   it and another commit, in turns
//
// Each payload has 512 spans in 8 resources, is decoded before the clock starts and was
// never seen before. The clock is the processor time of one thread, without the garbage
// collector; the median of the rounds and of the turns counts. It misses what garbage
// costs, so the bytes allocated are printed too. The command owns the measuring and
// nothing of the product.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	before := flag.String("before", "", "a commit to compare this checkout with; it is checked out beside, and removed again")
	turns := flag.Int("turns", 4, "how often both are measured, one after the other")
	measure := flag.Bool("measure", false, "measure this build once and print one line for each kind of payload")
	flag.Parse()
	run := func() error { return compare(context.Background(), *before, *turns) }
	if *measure {
		run = printMeasured
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "benchprocessor:", err)
		os.Exit(1)
	}
}

// result is what one kind of payload costs a span.
type result struct{ nanos, bytes, allocations float64 }

// compare measures this build, and that of another commit, in turns.
func compare(ctx context.Context, before string, turns int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	builds := []string{self}
	if before != "" {
		other, remove, err := build(ctx, before)
		if err != nil {
			return err
		}
		defer remove()
		builds = []string{other, self}
	}
	measured := make([]map[string][]result, len(builds))
	for range turns {
		for i, program := range builds {
			out, err := exec.CommandContext(ctx, program, "-measure").Output() //nolint:gosec // this program, of one commit or another
			if err != nil {
				return fmt.Errorf("%s: %w", program, err)
			}
			if measured[i] == nil {
				measured[i] = map[string][]result{}
			}
			for line := range bytes.Lines(out) {
				name, numbers, _ := strings.Cut(string(line), "\t")
				var r result
				if _, err := fmt.Sscan(numbers, &r.nanos, &r.bytes, &r.allocations); err != nil {
					return fmt.Errorf("%s printed %q: %w", program, line, err)
				}
				measured[i][name] = append(measured[i][name], r)
			}
		}
	}
	fmt.Printf("%-45s %24s %10s %18s\n", "the median of "+fmt.Sprint(turns)+" turns", "ns/span", "B/span", "allocations/span")
	for _, p := range payloads {
		now := median(measured[len(builds)-1][p.name])
		if before == "" {
			fmt.Printf("%-45s %24.0f %10.0f %18.2f\n", p.name, now.nanos, now.bytes, now.allocations)
			continue
		}
		was := median(measured[0][p.name])
		fmt.Printf("%-45s %8.0f %5.0f  %s %4.0f %5.0f %8.2f %8.2f\n", p.name, was.nanos, now.nanos, fmt.Sprintf("%8.2f", now.nanos/was.nanos), was.bytes, now.bytes, was.allocations, now.allocations)
	}
	return nil
}

// build makes this program from another commit of the repository: that may be older
// than the program.
func build(ctx context.Context, commit string) (program string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "benchprocessor-")
	if err != nil {
		return "", nil, err
	}
	tree := filepath.Join(dir, "tree")
	do := func(in, name string, args ...string) error {
		cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // git and go
		cmd.Dir, cmd.Stdout, cmd.Stderr = in, os.Stderr, os.Stderr
		return cmd.Run()
	}
	remove = func() {
		_ = do("", "git", "worktree", "remove", "--force", tree)
		_ = os.RemoveAll(dir)
	}
	defer func() {
		if err != nil {
			remove()
		}
	}()
	if err := do("", "git", "worktree", "add", "--quiet", "--detach", tree, commit); err != nil {
		return "", nil, fmt.Errorf("checking out %s: %w", commit, err)
	}
	source := filepath.Join(tree, "tools", "benchprocessor")
	if err := os.RemoveAll(source); err != nil {
		return "", nil, err
	}
	if err := os.CopyFS(source, os.DirFS(filepath.Join("tools", "benchprocessor"))); err != nil {
		return "", nil, fmt.Errorf("copying the program from the checkout: %w", err)
	}
	program = filepath.Join(dir, "before")
	if err := do(tree, "go", "build", "-o", program, "./tools/benchprocessor"); err != nil {
		return "", nil, fmt.Errorf("building %s: %w", commit, err)
	}
	return program, remove, nil
}
