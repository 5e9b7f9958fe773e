package pricing

// CachedLookups is how many names the book remembers that are not in it as they are.
func (b *Book) CachedLookups() int {
	b.lookups.mu.RLock()
	defer b.lookups.mu.RUnlock()
	return len(b.lookups.known)
}
