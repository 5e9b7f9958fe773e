package trim

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// dropPages unmaps the pages of the program's file. The kernel keeps them cached as long as
// it has room, and maps what is needed again. It does nothing where /proc cannot be read.
func dropPages() {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	mappings, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	for _, m := range unchanged(string(mappings), program) {
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, m.start, m.end-m.start, syscall.MADV_DONTNEED) // advice: a refusal costs memory only
	}
}

type mapping struct{ start, end uintptr }

// unchanged returns the mappings of a file, as smaps lists them, that cannot be written and
// have no page that differs from the file, as relocations make.
func unchanged(smaps, file string) []mapping {
	var list []mapping
	var m mapping
	candidate := false
	for line := range strings.Lines(smaps) {
		fields := strings.Fields(line)
		switch {
		case len(fields) >= 5 && !strings.HasSuffix(fields[0], ":"):
			from, to, _ := strings.Cut(fields[0], "-")
			start, errStart := strconv.ParseUint(from, 16, 64)
			end, errEnd := strconv.ParseUint(to, 16, 64)
			m = mapping{uintptr(start), uintptr(end)}
			candidate = errStart == nil && errEnd == nil && fields[1][0] == 'r' && fields[1][1] == '-' && strings.Join(fields[5:], " ") == file
		case candidate && fields[0] == "Anonymous:":
			if fields[1] == "0" {
				list = append(list, m)
			}
			candidate = false
		}
	}
	return list
}
