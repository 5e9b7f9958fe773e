package pgserver

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
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

// FreePort gives a TCP port of 127.0.0.1 that nobody listens on, another one at
// each call and in each process.
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
		if l, err := listen(port); err == nil {
			return port, l.Close()
		}
	}
}

// ownBlock takes a block of ports that no other process owns.
func ownBlock() error {
	for _, block := range rand.Perm(ports / blockSize) {
		first := lowestPort + block*blockSize
		owner, err := listen(first)
		if err != nil {
			continue
		}
		given.owners = append(given.owners, owner)
		given.next, given.end = first+1, first+blockSize
		return nil
	}
	return fmt.Errorf("no block of ports from %d to %d is free on 127.0.0.1", lowestPort, lowestPort+ports-1)
}

func listen(port int) (net.Listener, error) {
	return net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))) //nolint:noctx // ends at once
}

// FreeAddress is a [FreePort] with its host; or the first of the preferred
// addresses that nobody listens on.
func FreeAddress(preferred ...string) (string, error) {
	for _, address := range preferred {
		if l, err := net.Listen("tcp", address); err == nil { //nolint:noctx // closed at once
			return address, l.Close()
		}
	}
	port, err := FreePort()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), err
}
