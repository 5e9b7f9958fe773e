package pricing

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
)

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

// builtinBook is a built-in book of which only the heads of the files were read: which
// provider a file is of. The rows, of which most callers need a few providers', are read
// when somebody asks for them. It never changes, so all books share it.
type builtinBook struct {
	files   []*builtinFile
	version string // of the contents of all files
}

// builtinFile is the file of one provider.
type builtinFile struct {
	head *book.File
	read func() *book.File // once
}

var builtinBooks sync.Map // name -> *builtinBook

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
	known, ok := builtinBooks.Load(name)
	if !ok {
		known, _ = builtinBooks.LoadOrStore(name, readBuiltin(name))
	}
	b := known.(*builtinBook)
	l.under = b.files
	l.order = len(b.files)
	l.contents.add(name, []byte(b.version))
}

func readBuiltin(name string) *builtinBook {
	folder := path.Join("books", name)
	entries, err := builtinFiles.ReadDir(folder)
	if err != nil {
		panic(err) // as in BuiltinNames
	}
	b, contents := &builtinBook{}, newFingerprint()
	for _, e := range entries {
		content, err := fs.ReadFile(builtinFiles, path.Join(folder, e.Name()))
		if err != nil {
			panic(err)
		}
		contents.add(e.Name(), content)
		file := path.Join(name, e.Name())
		head, err := book.Head(file, content)
		if err != nil {
			panic(err)
		}
		b.files = append(b.files, &builtinFile{
			head: head,
			read: sync.OnceValue(func() *book.File {
				content, err := fs.ReadFile(builtinFiles, path.Join("books", file))
				if err != nil {
					panic(err)
				}
				return decodeBuiltin(file, content)
			}),
		})
	}
	b.version = contents.text()
	return b
}

// decodeBuiltin reads a file that is part of the binary: a test reads all, so a fault is
// one of ours.
func decodeBuiltin(name string, content []byte) *book.File {
	files, _, err := book.Decode(name, content)
	if err != nil {
		panic(err)
	}
	if len(files) != 1 {
		panic(fmt.Sprintf("%s has %d parts, one is allowed", name, len(files)))
	}
	return files[0]
}

// split divides the built-in book: the files of providers of which other files speak too
// are read now, as parts, since each may change what the other means.
func (l *loader) split() (now []part, later []unread) {
	spoken := map[string]bool{}
	for _, p := range l.parts {
		for _, name := range append([]string{p.Provider}, p.Also...) {
			spoken[name], spoken[strings.ToLower(name)], spoken[catalog.Book(name)] = true, true, true
		}
	}
	for i, f := range l.under {
		names := append([]string{f.head.Provider, catalog.Book(f.head.Provider)}, f.head.Also...)
		if slices.ContainsFunc(names, func(name string) bool { return spoken[name] }) {
			now = append(now, part{f.read(), "", LayerBuiltin, i + 1})
		} else {
			later = append(later, unread{f, i + 1})
		}
	}
	return now, later
}

// unread is a file of the built-in book that nobody asked for yet.
type unread struct {
	*builtinFile
	order int
}

// lay puts the providers of unread files on the shelf of the built-in book, which comes
// last.
func lay(shelves []*shelf, files []unread) []*shelf {
	if len(files) == 0 {
		return shelves
	}
	if len(shelves) == 0 || shelves[len(shelves)-1].layer != LayerBuiltin {
		shelves = append(shelves, &shelf{layer: LayerBuiltin, providers: map[string]*provider{}})
	}
	bottom := shelves[len(shelves)-1]
	for _, f := range files {
		p := &provider{layer: LayerBuiltin, name: shelfName(f.head.Provider)}
		p.unread = func() { p.fill(f) }
		for _, name := range append([]string{p.name}, f.head.Also...) {
			bottom.providers[name] = p
		}
	}
	return shelves
}

// fill reads the file of a provider.
func (p *provider) fill(f unread) {
	shelves, err := assemble([]part{{f.read(), "", LayerBuiltin, f.order}})
	if err != nil {
		panic(err) // as in decodeBuiltin
	}
	full := shelves[0].providers[p.name]
	p.names, p.folded, p.patterns = full.names, full.folded, full.patterns
	for _, t := range p.timelines() {
		t.of = p
	}
}

// open reads the rows of the provider, if nobody did.
func (p *provider) open() *provider {
	if p.unread != nil {
		p.once.Do(p.unread)
	}
	return p
}

// openAll opens many providers, which are independent of each other, in parallel.
func openAll(list []*provider) {
	var workers sync.WaitGroup
	var next atomic.Int64
	for range min(runtime.GOMAXPROCS(0), len(list)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(list)); i = next.Add(1) - 1 {
				list[i].open()
			}
		})
	}
	workers.Wait()
}
