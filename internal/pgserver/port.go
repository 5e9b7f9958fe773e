package pgserver

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"time"
)

// Ports that systems do not give to outgoing connections, whose own begin at
// 32768 on Linux and 49152 elsewhere. One of those can be taken by anybody's
// connection between the moment it is found free and its use.
//
// They are given in blocks. A process owns a block for as long as it listens
// on the block's first port, so two processes that look for ports at the same
// time, such as the tests of two packages, never find the same one free.
const (
	lowestPort = 20_000
	ports      = 12_000
	blockSize  = 100
)

// given is what this process owns of the ports.
var given struct {
	sync.Mutex

	owners []net.Listener // one for each block, open until the process ends
	next   int            // the next port of the newest block
	end    int            // the first port after that block
}

// FreePort returns a TCP port of 127.0.0.1 on which nobody listens, a different one for
// each call and each process.
func FreePort() (int, error) {
	given.Lock()
	defer given.Unlock()
	for {
		if given.next == given.end {
			if err := ownBlock(); err != nil {
				return 0, err
			}
		}
		port := given.next
		given.next++
		if isFree(local(port)) {
			return port, nil
		}
	}
}

// ownBlock takes a block of ports that no other process owns.
func ownBlock() error {
	for _, block := range rand.Perm(ports / blockSize) {
		first := lowestPort + block*blockSize
		owner, err := net.Listen("tcp", local(first)) //nolint:noctx // ends at once
		if err != nil {
			continue
		}
		given.owners = append(given.owners, owner)
		given.next, given.end = first+1, first+blockSize
		return nil
	}
	return fmt.Errorf("no block of ports from %d to %d is free on 127.0.0.1", lowestPort, lowestPort+ports-1)
}

func local(port int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// isFree reports whether nobody listens on an address. It connects: to listen there
// would keep the port for as long as a process that was forked in that moment
// takes to start its program, since until then it has our sockets too.
func isFree(address string) bool {
	c, err := net.DialTimeout("tcp", address, time.Second) //nolint:noctx // bounded
	if err == nil {
		_ = c.Close()
		return false
	}
	var failure net.Error
	return !errors.As(err, &failure) || !failure.Timeout()
}

// FreeAddress returns a [FreePort] with its host, or the first of the preferred addresses
// on which nobody listens.
func FreeAddress(preferred ...string) (string, error) {
	for _, address := range preferred {
		if isFree(address) {
			return address, nil
		}
	}
	port, err := FreePort()
	return local(port), err
}
