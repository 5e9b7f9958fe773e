// Command pricebook makes the price files of the built-in book "current" from
// downloads of the price data of other projects.
//
// It owns the decision which price to believe: a price is taken where the
// sources agree on it, with low confidence where one alone knows it; what they
// disagree about is left out and listed, and what people researched (curated/,
// evidence.go) stands above all of them. It reads local files alone; README.md
// says where to get them.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/foreign"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pricebook:", err)
		os.Exit(1)
	}
}

// input is one download: what it is called in rows, and where it lies.
type input struct {
	source string
	day    time.Time
	format foreign.Format
	files  []string
}

func run(args []string) error {
	flags := flag.NewFlagSet("pricebook", flag.ContinueOnError)
	var base, later []input
	for _, format := range []foreign.Format{foreign.LiteLLM, foreign.GenAIPrices, foreign.ModelsDev, foreign.Portkey} {
		flags.Func(string(format), "a download of "+string(format)+" that the book begins with, as DATE=PATH", func(value string) error {
			in, err := parseInput(format, value)
			base = append(base, in)
			return err
		})
	}
	flags.Func("newer", "a later download, as FORMAT=DATE=PATH; again for each", func(value string) error {
		name, rest, _ := strings.Cut(value, "=")
		format := foreign.Format(name)
		if format != catwalk {
			var err error
			if format, err = foreign.ParseFormat(name); err != nil {
				return err
			}
		}
		in, err := parseInput(format, rest)
		later = append(later, in)
		return err
	})
	curated := flags.String("curated", "tools/pricebook/curated", "the folder of researched rows")
	out := flags.String("out", "internal/pricing/books/current", "the folder of the built-in book")
	leftOut := flags.String("left-out", "internal/pricing/testdata/left_out.tsv", "the list of what was left out")
	facts := flags.String("facts", "internal/pricing/testdata/facts", "the folder of prices to compare the book with")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var sources, newer []source
	for i, in := range slices.Concat(base, later) {
		s, err := readSource(in)
		if err != nil {
			return err
		}
		if i < len(base) {
			sources = append(sources, s)
		} else {
			newer = append(newer, s)
		}
	}
	researched, err := readCurated(*curated)
	if err != nil {
		return err
	}
	agreed := agreedFacts(sources)
	listed := listedFacts(newer)
	result := build(sources, newer, researched)
	for _, f := range result.files {
		for _, in := range slices.Concat(base, later) {
			if in.day.After(f.AsOf) {
				f.AsOf = in.day
			}
		}
	}
	if err := write(result, *out, *leftOut); err != nil {
		return err
	}
	plain, err := liteLLMFacts(base)
	if err != nil {
		return err
	}
	return errors.Join(
		writeFacts(filepath.Join(*facts, "litellm.tsv"), plain),
		writeFacts(filepath.Join(*facts, "agreed.tsv"), agreed),
		writeFacts(filepath.Join(*facts, "listed.tsv"), listed),
	)
}

// parseInput reads DATE=PATH; a folder stands for its JSON files.
func parseInput(format foreign.Format, value string) (input, error) {
	date, path, ok := strings.Cut(value, "=")
	if !ok {
		return input{}, fmt.Errorf("must be DATE=PATH, found %q", value)
	}
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return input{}, err
	}
	files := []string{path}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		files, _ = filepath.Glob(filepath.Join(path, "*.json"))
	}
	return input{string(format) + " " + date, day, format, files}, nil
}

func readSource(in input) (source, error) {
	s := source{name: in.source, origin: in.format.Origin(), day: in.day, rows: map[string]map[string]book.Row{}, history: map[string]map[string][]book.Row{}}
	for _, file := range in.files {
		content, err := os.ReadFile(file)
		if err != nil {
			return s, err
		}
		var result *foreign.Result
		if in.format == catwalk {
			result, err = readCatwalk(file, content)
			s.witness = true
		} else {
			result, err = foreign.Read(file, content, in.format)
		}
		if err != nil {
			first, _, _ := strings.Cut(err.Error(), "\n")
			fmt.Fprintln(os.Stderr, "skipped:", first)
			continue
		}
		for _, f := range result.Files {
			for _, row := range f.Rows {
				s.add(f.Provider, row)
			}
		}
		for _, issue := range result.Issues {
			s.refuse(file, issue)
		}
	}
	return s, nil
}

func readCurated(folder string) (map[string]*book.File, error) {
	files := map[string]*book.File{}
	names, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		parts, warnings, err := book.Decode(name, content)
		if err != nil {
			return nil, err
		}
		for _, w := range warnings {
			fmt.Fprintln(os.Stderr, "warning:", w)
		}
		for _, f := range parts {
			if files[f.Provider] != nil {
				return nil, fmt.Errorf("%s: %s is in another file already", name, f.Provider)
			}
			files[f.Provider] = f
		}
	}
	return files, nil
}

const header = `# Prices of %s, in US dollars. Made by tools/pricebook: researched rows from
# tools/pricebook/curated/%s.yaml, the rest from BerriAI/litellm, pydantic/genai-prices,
# anomalyco/models.dev and Portkey-AI/models; confidence is low where one of them alone
# knows a price. Change it there, or lay a file of your own over it; what was left out, and
# why, is in docs/prices.md.
`

func write(result *result, out, leftOut string) error {
	old, err := filepath.Glob(filepath.Join(out, "*.yaml"))
	if err != nil {
		return err
	}
	for _, name := range old {
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	for _, f := range result.files {
		var text bytes.Buffer
		fmt.Fprintf(&text, header, f.Provider, f.Provider)
		text.Write(book.Encode(f))
		if err := os.WriteFile(filepath.Join(out, f.Provider+".yaml"), text.Bytes(), 0o644); err != nil { //nolint:gosec // part of the repository
			return err
		}
	}
	var list bytes.Buffer
	list.WriteString("# provider\tmodel\twhy it is not, or not wholly, taken over\n")
	slices.SortFunc(result.leftOut, func(a, b omission) int { return strings.Compare(a.String(), b.String()) })
	for _, o := range result.leftOut {
		list.WriteString(o.String() + "\n")
	}
	return os.WriteFile(leftOut, list.Bytes(), 0o644) //nolint:gosec // part of the repository
}
