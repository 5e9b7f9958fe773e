package pglab

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// CPU returns the processor time of the living processes of the server with this data
// directory, in steps of 10 ms; 0 where there is no /proc.
func CPU(dir string) time.Duration {
	first, err := os.ReadFile(filepath.Join(dir, "postmaster.pid"))
	if err != nil {
		return 0
	}
	postmaster, _, _ := bytes.Cut(first, []byte("\n"))
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well formed
	var ticks int64
	for _, file := range stats {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it ended
		}
		// After the name, which may hold anything: state, parent, …, and
		// user and system time as the 12th and 13th.
		fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
		if len(fields) < 13 || !bytes.Equal(fields[1], postmaster) {
			continue
		}
		for _, field := range fields[11:13] {
			n, _ := strconv.ParseInt(string(field), 10, 64) // the kernel's own number
			ticks += n
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
