package pricing

// CachedLookups is how many names the book remembers that are not in it as they are.
func (b *Book) CachedLookups() int {
	return b.lookups.known.Len()
}
