package update

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
)

// Store is the file of the update layer, with its previous version and the state of its
// sources beside it.
type Store struct{ Path string }

func (s Store) previous() string { return s.Path + ".previous" }
func (s Store) state() string    { return s.Path + ".sources.json" }
func (s Store) lock() string     { return s.Path + ".lock" }

// Load reads the update in force; a missing file is not an error.
func (s Store) Load() ([]*book.File, error) {
	content, err := os.ReadFile(s.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the price update: %w", err)
	}
	files, _, err := book.Decode(s.Path, content)
	if err != nil {
		return nil, fmt.Errorf("the price update is damaged, `usagectl prices update --rollback` goes back to the one before: %w", err)
	}
	return files, nil
}

// Sources returns those of the last update, nil when unknown.
func (s Store) Sources() []Source {
	var sources []Source
	content, err := os.ReadFile(s.state())
	if err != nil || json.Unmarshal(content, &sources) != nil {
		return nil
	}
	return sources
}

// staleLock is the age at which a lock counts as left behind: an update takes seconds.
const staleLock = 10 * time.Minute

// Lock excludes a second update until unlock is called.
func (s Store) Lock() (unlock func(), err error) {
	if info, err := os.Stat(s.lock()); err == nil && time.Since(info.ModTime()) > staleLock {
		_ = os.Remove(s.lock())
	}
	f, err := os.OpenFile(s.lock(), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("another update is running; if not, remove %s", s.lock())
	}
	if err != nil {
		return nil, fmt.Errorf("write the price update: %w", err)
	}
	_ = f.Close()
	return func() { _ = os.Remove(s.lock()) }, nil
}

// Save puts a proposal into force and keeps the previous version. Readers of the file see
// the old one or the new one, never a part.
func (s Store) Save(p *Proposal) error {
	if old, err := os.ReadFile(s.Path); err == nil {
		if err := replace(s.previous(), old); err != nil {
			return err
		}
	} else if err := os.Remove(s.previous()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write the price update: %w", err)
	}
	if err := replace(s.Path, p.Content()); err != nil {
		return err
	}
	state, err := json.MarshalIndent(p.Sources, "", "  ")
	if err != nil {
		return fmt.Errorf("write the price update: %w", err)
	}
	return replace(s.state(), append(state, '\n'))
}

// Checked records that the sources were read and brought no change: the update is current,
// and the previous version stays.
func (s Store) Checked(p *Proposal) error {
	if len(p.files) == 0 {
		return nil
	}
	return replace(s.Path, p.Content())
}

// Rollback swaps the update with its previous version, so that a second call undoes it.
// Without a previous version, the update is removed.
func (s Store) Rollback() error {
	now, errNow := os.ReadFile(s.Path)
	before, errBefore := os.ReadFile(s.previous())
	if errNow != nil && errBefore != nil {
		return fmt.Errorf("there is no price update at %s to go back from", s.Path)
	}
	// The stored ETags belong to what is rolled back: the next update reads all sources.
	if err := os.Remove(s.state()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("restore the previous price update: %w", err)
	}
	put := func(name string, content []byte, err error) error {
		if err != nil {
			return os.Remove(name)
		}
		return replace(name, content)
	}
	if err := errors.Join(put(s.Path, before, errBefore), put(s.previous(), now, errNow)); err != nil {
		return fmt.Errorf("restore the previous price update: %w", err)
	}
	return nil
}

// replace writes a file beside its destination and renames it.
func replace(name string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".prices-*")
	if err != nil {
		return fmt.Errorf("write the price update: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // already renamed when all went well
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("write the price update: %w", err)
	}
	return nil
}
