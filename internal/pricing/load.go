package pricing

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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

// Builtin returns the built-in book of that name.
func Builtin(name string) (*Book, error) {
	return Load(Config{Builtin: name})
}

// Load reads a book. The error names file, line and key of every fault. The rows of a
// provider of the built-in book are read when the first call asks for them, unless another
// file speaks of the same provider.
func Load(cfg Config) (*Book, error) {
	l, err := read(cfg)
	if err != nil {
		return nil, err
	}
	return l.book()
}

func read(cfg Config) (*loader, error) {
	l := &loader{contents: newFingerprint()}
	l.builtin(cfg.Builtin)
	if cfg.Update != "" {
		l.update(cfg.Update)
	}
	for _, name := range cfg.Files {
		l.file(name)
	}
	return l, errors.Join(l.faults...)
}

// Parse reads a book from a single file in memory, without a built-in book.
func Parse(name string, content []byte) (*Book, error) {
	l := &loader{contents: newFingerprint()}
	l.content(name, filepath.Base(name)+":", LayerContract, content)
	if len(l.faults) > 0 {
		return nil, errors.Join(l.faults...)
	}
	return l.book()
}

type loader struct {
	under    []*builtinFile
	parts    []part // of all other files
	order    int    // number of the last file
	contents fingerprinter
	warnings []error
	faults   []error
}

// book builds the book from everything that was read.
func (l *loader) book() (*Book, error) {
	return l.bookOf(l.split())
}

// bookOf builds the book from parts of the built-in book, which come before all others, and
// from files of it that are read later.
func (l *loader) bookOf(builtin []part, later []unread) (*Book, error) {
	shelves, err := assemble(append(builtin, l.parts...))
	if err != nil {
		return nil, err
	}
	shelves = lay(shelves, later)
	b := &Book{lookups: newLookups(), shelves: shelves, first: firstAsked(shelves), version: l.contents.text()}
	for _, f := range l.under {
		if f.head.AsOf.After(b.asOf) {
			b.asOf = f.head.AsOf
		}
	}
	for _, p := range l.parts {
		if p.layer != LayerContract && p.AsOf.After(b.asOf) {
			b.asOf = p.AsOf
		}
	}
	b.warnings = append(l.warnings, b.review(l.parts)...)
	return b, nil
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
		return nil, fmt.Errorf("read price file: %s is not a regular file but %s; name a regular file", name, info.Mode().Type())
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
	l.contents.add(filepath.Base(d.name), d.content)
	if d.err != nil {
		l.faults = append(l.faults, d.err)
		return
	}
	l.order++
	for _, w := range d.warnings {
		l.warnings = append(l.warnings, w)
	}
	for _, f := range d.files {
		l.parts = append(l.parts, part{f, idPrefix, layer, l.order})
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
