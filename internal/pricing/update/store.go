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

// Store is the file of the update layer, with the version before it and what is
// known of its sources beside it.
type Store struct{ Path string }

func (s Store) previous() string { return s.Path + ".previous" }
func (s Store) state() string    { return s.Path + ".sources.json" }
func (s Store) lock() string     { return s.Path + ".lock" }

// Load reads the update that holds; none is no fault.
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

// Sources are those of the last update; none when it is not known.
func (s Store) Sources() []Source {
	var sources []Source
	content, err := os.ReadFile(s.state())
	if err != nil || json.Unmarshal(content, &sources) != nil {
		return nil
	}
	return sources
}

// staleLock is the age from which a lock is left over: an update takes seconds.
const staleLock = 10 * time.Minute

// Lock keeps a second update out; the function lets it in again.
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

// Save makes a proposal the update that holds. The one before stays as the way
// back. Whoever reads the file sees the old one or the new one, whole.
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

// Checked notes that the sources were read and changed nothing: the update is as
// of today, and the version before it stays the way back.
func (s Store) Checked(p *Proposal) error {
	if len(p.files) == 0 {
		return nil
	}
	return replace(s.Path, p.Content())
}

// Rollback exchanges the update with the version before it, so that the same
// again undoes it. Without a version before there is no update afterwards.
func (s Store) Rollback() error {
	now, errNow := os.ReadFile(s.Path)
	before, errBefore := os.ReadFile(s.previous())
	if errNow != nil && errBefore != nil {
		return fmt.Errorf("there is no price update at %s to go back from", s.Path)
	}
	// The sources' ETags belong to what is taken back: the next update reads all.
	if err := os.Remove(s.state()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("go back to the price update before: %w", err)
	}
	put := func(name string, content []byte, err error) error {
		if err != nil {
			return os.Remove(name)
		}
		return replace(name, content)
	}
	if err := errors.Join(put(s.Path, before, errBefore), put(s.previous(), now, errNow)); err != nil {
		return fmt.Errorf("go back to the price update before: %w", err)
	}
	return nil
}

// replace writes a file beside its place and moves it there.
func replace(name string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".prices-*")
	if err != nil {
		return fmt.Errorf("write the price update: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // moved when all went well
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
