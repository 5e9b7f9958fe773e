package book

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Fault is one error in a price file, with its position.
type Fault struct {
	File string
	Line int // 0 for the whole file
	Key  string
	Text string
}

// Error returns "prices/ours.yaml:12: rows[3].from: …".
func (f *Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d", f.Line)
	}
	b.WriteString(": ")
	if f.Key != "" {
		b.WriteString(f.Key + ": ")
	}
	b.WriteString(f.Text)
	return b.String()
}

// maxFaults keeps the report on a file in another format readable.
const maxFaults = 50

// faults collects the errors in one file.
type faults struct {
	file string
	all  []*Fault
}

func (f *faults) add(line int, key, format string, args ...any) {
	f.all = append(f.all, &Fault{File: f.file, Line: line, Key: key, Text: fmt.Sprintf(format, args...)})
}

// err joins the faults in the order of their lines.
func (f *faults) err() error {
	if len(f.all) == 0 {
		return nil
	}
	slices.SortStableFunc(f.all, func(a, b *Fault) int { return a.Line - b.Line })
	more := len(f.all) - maxFaults
	errs := make([]error, 0, maxFaults+1)
	for _, fault := range f.all[:min(len(f.all), maxFaults)] {
		errs = append(errs, fault)
	}
	if more > 0 {
		errs = append(errs, fmt.Errorf("%s: and %d more faults", f.file, more))
	}
	return errors.Join(errs...)
}
