package pricing

// CachedLookups is how many names the book remembers that are not in it as they are.
func (b *Book) CachedLookups() int {
	return b.lookups.known.Len()
}

// Panic makes every reload one that meets a fault of ours.
func (s *Source) Panic() { s.load = func(Config) (*Book, error) { panic("of a price file") } }

// AtOnce is Load with every file of the built-in book read at the start.
func AtOnce(cfg Config) (*Book, error) {
	l, err := read(cfg)
	if err != nil {
		return nil, err
	}
	now, later := l.split()
	for _, f := range later {
		now = append(now, part{f.read(), "", LayerBuiltin, f.order})
	}
	return l.bookOf(now, nil)
}

// Read lists the providers of the built-in book whose rows were read.
func (b *Book) Read() (names []string) {
	for name, p := range b.shelves[len(b.shelves)-1].providers {
		if name == p.name && p.names != nil {
			names = append(names, name)
		}
	}
	return names
}
