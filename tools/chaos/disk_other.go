//go:build !linux

package main

import "errors"

func mountDisk(string) (*disk, error) {
	return nil, errors.New("mounting a small file system needs Linux")
}

func (d *disk) unmount() {}
