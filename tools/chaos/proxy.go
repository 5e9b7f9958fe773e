package main

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// proxy stands between the collectors and the database and misbehaves.
type proxy struct {
	address  string
	listener net.Listener

	mu      sync.Mutex
	target  string // empty: connections are closed at once
	delay   time.Duration
	streams map[*stream]bool
}

// stream is one connection through the proxy.
type stream struct{ client, server *net.TCPConn }

func newProxy() (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // lives until close
	if err != nil {
		return nil, err
	}
	p := &proxy{address: l.Addr().String(), listener: l, streams: map[*stream]bool{}}
	go p.accept()
	return p, nil
}

func (p *proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.serve(conn.(*net.TCPConn))
	}
}

func (p *proxy) serve(client *net.TCPConn) {
	target := p.leadsTo()
	if target == "" {
		client.Close() //nolint:errcheck,gosec // refused
		return
	}
	conn, err := net.Dial("tcp", target) //nolint:noctx // answers or refuses at once
	if err != nil {
		client.Close() //nolint:errcheck,gosec // the database does so too
		return
	}
	s := &stream{client, conn.(*net.TCPConn)}
	p.mu.Lock()
	p.streams[s] = true
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.pipe(s.server, s.client) })
	both.Go(func() { p.pipe(s.client, s.server) })
	both.Wait()
	s.client.Close() //nolint:errcheck,gosec // done with
	s.server.Close() //nolint:errcheck,gosec // done with
	p.mu.Lock()
	delete(p.streams, s)
	p.mu.Unlock()
}

// pipe passes bytes on, late if asked to, and the end of the stream too.
func (p *proxy) pipe(to, from *net.TCPConn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.hold()
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				from.Close() //nolint:errcheck,gosec // nobody reads it any more
				return
			}
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				to.CloseWrite() //nolint:errcheck,gosec // it may be closed
			} else {
				to.Close() //nolint:errcheck,gosec // it may be closed
			}
			return
		}
	}
}

// hold waits for as long as the proxy is slow.
func (p *proxy) hold() {
	for start := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		p.mu.Lock()
		delay := p.delay
		p.mu.Unlock()
		if time.Since(start) >= delay {
			return
		}
	}
}

// leadsTo is the target, empty when connections are refused.
func (p *proxy) leadsTo() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.target
}

// lead makes new connections go to target.
func (p *proxy) lead(target string) {
	p.mu.Lock()
	p.target = target
	p.mu.Unlock()
}

// refuse closes new connections at once, cuts those that stand and gives the
// target there was.
func (p *proxy) refuse() (target string) {
	target = p.leadsTo()
	p.lead("")
	p.cut()
	return target
}

// cut resets every connection, in the middle of whatever it carries, and says
// how many.
func (p *proxy) cut() int {
	return p.each(func(s *stream) {
		s.client.SetLinger(0) //nolint:errcheck,gosec // a reset instead of an end
		s.server.SetLinger(0) //nolint:errcheck,gosec // a reset instead of an end
		s.client.Close()      //nolint:errcheck,gosec // it may be closed
		s.server.Close()      //nolint:errcheck,gosec // it may be closed
	})
}

// halfClose ends one direction of every connection: the client notices that the
// database is gone, or the database that the client is, and not the other.
func (p *proxy) halfClose(toClient bool) int {
	return p.each(func(s *stream) {
		if toClient {
			s.client.CloseWrite() //nolint:errcheck,gosec // it may be closed
		} else {
			s.server.CloseWrite() //nolint:errcheck,gosec // it may be closed
		}
	})
}

// slow holds back everything that passes.
func (p *proxy) slow(d time.Duration) {
	p.mu.Lock()
	p.delay = d
	p.mu.Unlock()
}

func (p *proxy) each(do func(*stream)) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.streams {
		do(s)
	}
	return len(p.streams)
}

func (p *proxy) close() {
	p.listener.Close() //nolint:errcheck,gosec // it may be closed
	p.cut()
}
