package pricing

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/foreign"
)

// Config says what a [Book] is made of.
type Config struct {
	// Builtin names the built-in book everything else is laid over; "none"
	// starts with no price at all, empty means [DefaultBuiltin].
	Builtin string
	// Files are price files of one's own; what a later one says replaces what
	// an earlier one or the built-in book says about the same model and time.
	// A file that ends in .json is price data of LiteLLM, genai-prices,
	// models.dev or Portkey.
	Files []string
	// Update is a price file of newer public prices, which `usagectl prices
	// update` writes: it is asked after Files and before the built-in book. Empty
	// means none, and so does a file that is not there.
	Update string
}

// The built-in books.
const (
	DefaultBuiltin = "current"
	NoBuiltin      = "none"
)

//go:embed books
var builtinFiles embed.FS

// BuiltinNames lists the built-in books.
func BuiltinNames() []string {
	entries, err := builtinFiles.ReadDir("books")
	if err != nil {
		panic(err) // the folder is part of the binary
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// Builtin returns a built-in book.
func Builtin(name string) (*Book, error) {
	return Load(Config{Builtin: name})
}

// Load reads a book. The error names file, line and key of everything that is
// wrong.
func Load(cfg Config) (*Book, error) {
	l := &loader{contents: newFingerprint()}
	l.builtin(cfg.Builtin)
	if cfg.Update != "" {
		l.update(cfg.Update)
	}
	for _, name := range cfg.Files {
		l.file(name)
	}
	return l.book()
}

// Parse makes a book of one file in memory, without a built-in one.
func Parse(name string, content []byte) (*Book, error) {
	l := &loader{contents: newFingerprint()}
	l.content(name, filepath.Base(name)+":", LayerContract, content)
	return l.book()
}

type loader struct {
	parts    []part
	names    []string
	contents fingerprinter
	warnings []error
	faults   []error
}

// book makes the book of everything that was read.
func (l *loader) book() (*Book, error) {
	if len(l.faults) > 0 {
		return nil, errors.Join(l.faults...)
	}
	shelves, err := assemble(l.parts)
	if err != nil {
		return nil, err
	}
	b := &Book{lookups: newLookups(), shelves: shelves, first: firstAsked(shelves), version: l.contents.text()}
	for _, p := range l.parts {
		if p.layer != LayerContract && p.AsOf.After(b.asOf) {
			b.asOf = p.AsOf
		}
	}
	b.warnings = append(l.warnings, b.review(l.parts)...)
	return b, nil
}

// builtinParts keeps what was read of the built-in books: they never change.
var builtinParts sync.Map // name -> *loader

func (l *loader) builtin(name string) {
	if name == "" {
		name = DefaultBuiltin
	}
	if name == NoBuiltin {
		return
	}
	if !slices.Contains(BuiltinNames(), name) {
		l.faults = append(l.faults, fmt.Errorf("unknown built-in price book %q; there are %s and %s (no prices)", name, strings.Join(BuiltinNames(), ", "), NoBuiltin))
		return
	}
	known, ok := builtinParts.Load(name)
	if !ok {
		known, _ = builtinParts.LoadOrStore(name, readBuiltin(name))
	}
	b := known.(*loader)
	l.parts = append(l.parts, b.parts...)
	l.names = append(l.names, b.names...)
	l.warnings = append(l.warnings, b.warnings...)
	l.faults = append(l.faults, b.faults...)
	l.contents.add(name, []byte(b.contents.text()))
}

func readBuiltin(name string) *loader {
	l := &loader{contents: newFingerprint()}
	entries, err := builtinFiles.ReadDir(path.Join("books", name))
	if err != nil {
		l.faults = append(l.faults, err)
	}
	// The files do not depend on each other: all processors read them.
	read := make([]decoded, len(entries))
	var workers sync.WaitGroup
	var next atomic.Int64
	for range min(runtime.GOMAXPROCS(0), len(entries)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(entries)); i = next.Add(1) - 1 {
				read[i] = readBuiltinFile(name, entries[i].Name())
			}
		})
	}
	workers.Wait()
	for _, d := range read {
		l.add(d, "", LayerBuiltin)
	}
	return l
}

func readBuiltinFile(book, file string) decoded {
	content, err := fs.ReadFile(builtinFiles, path.Join("books", book, file))
	if err != nil {
		return decoded{err: err}
	}
	return decodeFile(book+"/"+file, content)
}

// decoded is what a file says.
type decoded struct {
	name     string
	content  []byte
	files    []*book.File
	warnings []*book.Fault
	err      error
}

func decodeFile(name string, content []byte) decoded {
	files, warnings, err := decode(name, content)
	return decoded{name, content, files, warnings, err}
}

func (l *loader) file(name string) {
	content, err := readFile(name)
	if err != nil {
		l.faults = append(l.faults, err)
		return
	}
	l.content(name, filepath.Base(name)+":", LayerContract, content)
}

func (l *loader) update(name string) {
	content, err := readFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		l.faults = append(l.faults, err)
	default:
		l.content(name, filepath.Base(name)+":", LayerUpdate, content)
	}
}

// readFile reads a price file of at most [book.MaxFileBytes]. Only regular files are
// read: to open a named pipe could block forever, and a device never ends.
func readFile(name string) ([]byte, error) {
	file, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("read price file: %w", err)
	}
	defer file.Close() //nolint:errcheck // only read
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("read price file: %w", err)
	}
	if info.IsDir() {
		return nil, fmt.Errorf("read price file: %s is a folder; name its files", name)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read price file: %s is no regular file but %s; name a regular file", name, info.Mode().Type())
	}
	content, err := io.ReadAll(io.LimitReader(file, book.MaxFileBytes+1)) // it may grow meanwhile
	if err != nil {
		return nil, fmt.Errorf("read price file: %w", err)
	}
	if len(content) > book.MaxFileBytes {
		return nil, fmt.Errorf("read price file: %s has more than %d bytes, which is all that is read", name, book.MaxFileBytes)
	}
	return content, nil
}

func (l *loader) content(name, idPrefix string, layer Layer, content []byte) {
	l.add(decodeFile(name, content), idPrefix, layer)
}

// add takes over what a file says; its rows' ids get the prefix.
func (l *loader) add(d decoded, idPrefix string, layer Layer) {
	if d.name != "" {
		l.contents.add(filepath.Base(d.name), d.content)
	}
	if d.err != nil {
		l.faults = append(l.faults, d.err)
		return
	}
	l.names = append(l.names, d.name)
	for _, w := range d.warnings {
		l.warnings = append(l.warnings, w)
	}
	for _, f := range d.files {
		l.parts = append(l.parts, part{f, idPrefix, layer, len(l.names)})
	}
}

// decode reads a file in our form, or by its ending the price data of another
// project. What such data says and cannot be taken over is a warning.
func decode(name string, content []byte) ([]*book.File, []*book.Fault, error) {
	if !strings.EqualFold(filepath.Ext(name), ".json") {
		return book.Decode(name, content)
	}
	result, err := foreign.Read(name, content, "")
	if err != nil {
		return nil, nil, err
	}
	return result.Files, result.Issues, nil
}
