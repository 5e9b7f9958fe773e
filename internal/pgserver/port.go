package pgserver

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Ports that systems do not give to outgoing connections, whose own begin at
// 32768 on Linux and 49152 elsewhere. One of those can be taken by anybody's
// connection between the moment it is found free and its use.
const (
	lowestPort = 20_000
	ports      = 12_000
)

var givenPorts sync.Map

// FreePort gives a TCP port of 127.0.0.1 that nobody listens on, another one at
// each call.
func FreePort() (int, error) {
	for range 10 * ports {
		port := lowestPort + rand.IntN(ports)
		if _, given := givenPorts.LoadOrStore(port, true); given {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))) //nolint:noctx // closed at once
		if err != nil {
			continue
		}
		return port, l.Close()
	}
	return 0, errors.New("no port from 20000 to 31999 is free on 127.0.0.1")
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
