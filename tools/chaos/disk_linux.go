package main

import (
	"fmt"
	"os"
	"syscall"
)

// mountDisk mounts a file system in memory.
func mountDisk(dir string) (*disk, error) {
	if os.Getuid() != 0 {
		return nil, fmt.Errorf("mounting a small file system needs root")
	}
	if err := syscall.Mount("chaos", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", diskBytes)); err != nil {
		return nil, fmt.Errorf("mount a small file system: %w", err)
	}
	return &disk{dir}, nil
}

func (d *disk) unmount() {
	if d != nil {
		_ = syscall.Unmount(d.dir, syscall.MNT_DETACH)
	}
}
