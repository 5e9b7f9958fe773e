package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// disk is a small file system that can be filled to the last byte.
type disk struct{ dir string }

// diskBytes is more than a queue needs while the database is down.
const diskBytes = 256 << 20

func (d *disk) filler() string { return filepath.Join(d.dir, "filler") }

// fill writes until nothing more goes in.
func (d *disk) fill() error {
	f, err := os.OpenFile(d.filler(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // its content is nothing
	block := make([]byte, 64<<10)
	for len(block) > 0 {
		if _, err := f.Write(block); err != nil {
			if !errors.Is(err, syscall.ENOSPC) {
				return err
			}
			block = block[:len(block)/2]
		}
	}
	return nil
}

// free gives the space back.
func (d *disk) free() error { return os.Remove(d.filler()) }
