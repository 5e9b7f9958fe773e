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
	// Builtin names the built-in book under all other layers. "none" starts without prices,
	// empty means [DefaultBuiltin].
	Builtin string
	// Files are price files of the operator. What a file says about a model and time
	// replaces what earlier files and the built-in book say about them. A file ending in
	// .json is read as price data of LiteLLM, genai-prices, models.dev or Portkey.
	Files []string
	// Update is a file of newer public prices, as `usagectl prices update` writes it. It is
	// searched after Files and before the built-in book. Empty means none; a missing file
	// is not an error.
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

// Builtin returns the built-in book of that name.
func Builtin(name string) (*Book, error) {
	return Load(Config{Builtin: name})
}

// Load reads a book. The error names file, line and key of every fault.
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

// Parse reads a book from a single file in memory, without a built-in book.
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

// book builds the book from everything that was read.
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
	// The files are independent of each other, so they are read in parallel.
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

// decoded is the content of one file.
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

// readFile reads a price file of at most [book.MaxFileBytes]. It accepts regular files
// only: opening a named pipe could block forever, and reading a device may never end.
func readFile(name string) ([]byte, error) {
	file, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("read price file: %w", err)
	}
	defer file.Close() //nolint:errcheck // opened for reading only
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
	content, err := io.ReadAll(io.LimitReader(file, book.MaxFileBytes+1)) // the file may grow meanwhile
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

// add takes over the content of a file; the ids of its rows get the prefix.
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

// decode reads a file in our own format or, by its extension, the price data of another
// project. Entries of such data that cannot be taken over become warnings.
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
