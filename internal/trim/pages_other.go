//go:build !linux

package trim

func dropPages() {}
