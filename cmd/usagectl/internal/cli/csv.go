package cli

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxCSVFaults is how many errors of a CSV file are reported at once.
const maxCSVFaults = 20

// eachLine reads a CSV file with the given header and passes the fields of each line to one.
// It returns the errors of one with their line numbers, joined; a file that is no CSV ends
// the reading.
func eachLine(name string, r io.Reader, header []string, one func(line int, fields []string) error) error {
	in := csv.NewReader(r)
	in.TrimLeadingSpace = true
	first, err := in.Read()
	if err != nil || !slices.Equal(first, header) {
		return fmt.Errorf("%s:1: found %q, must be the header %s", name, strings.Join(first, ","), strings.Join(header, ","))
	}
	var faults []error
	for len(faults) < maxCSVFaults {
		fields, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		line, _ := in.FieldPos(0)
		if err := one(line, fields); err != nil {
			faults = append(faults, fmt.Errorf("%s:%d: %w", name, line, err))
		}
	}
	return errors.Join(faults...)
}
