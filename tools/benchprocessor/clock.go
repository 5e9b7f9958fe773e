package main

import (
	"fmt"
	"syscall"
	"time"
)

// rusageThread asks for this thread alone; only Linux can tell.
const rusageThread = 1

// threadTime is the processor time of this thread. It sleeps first: the kernel
// counts a thread's time when the thread gives the processor up.
func threadTime() (time.Duration, error) {
	time.Sleep(50 * time.Microsecond)
	var u syscall.Rusage
	if err := syscall.Getrusage(rusageThread, &u); err != nil {
		return 0, fmt.Errorf("the processor time of a thread, which Linux tells: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}
