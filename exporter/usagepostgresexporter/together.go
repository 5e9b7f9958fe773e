package usagepostgresexporter

import (
	"context"
	"errors"
	"sync"
)

// together lets requests share a write of the queue's disk. The helper writes each request
// in a transaction of its own and holds its lock meanwhile, so small requests wait for one
// sync of the disk after another. Here the requests that arrive while one is being written
// become one request of the queue, which is written next; large ones go alone. Nobody gets
// an answer before the request that holds their records is on the disk, and all get the
// same one.
//
// See docs/decisions/0004-queue-storage.md.
type together struct {
	// write puts a request into the queue and returns when it is on the disk.
	write func(ctx context.Context, r *request) error
	// fits reports whether a shared request may become so large.
	fits func(r *request) bool
	// turn holds a token while nothing is being written.
	turn chan struct{}

	mu   sync.Mutex
	next *shared // nil when nobody waits
}

// shared is a request of several senders. Its first sender writes it.
type shared struct {
	request *request // under mu until it is written
	senders int      // that wait and have not given up; under mu
	// ctx ends when the contexts of all senders have ended.
	ctx    context.Context //nolint:containedctx // of several callers, none of which is its owner
	cancel context.CancelFunc

	done chan struct{} // closed when err holds the answer
	err  error
}

// maxSharingBytes is the size of a request that is worth a write of its own: some 550 calls.
const maxSharingBytes = 256 << 10

var errNotWritten = errors.New("the request was not written to the queue")

func newTogether(write func(ctx context.Context, r *request) error, fits func(r *request) bool) *together {
	t := &together{write: write, fits: fits, turn: make(chan struct{}, 1)}
	t.turn <- struct{}{}
	return t
}

// add writes a request, together with others. A sender whose context ends gets its error:
// its records may be stored all the same, as after any answer that is lost on its way.
func (t *together) add(ctx context.Context, r *request) error {
	if r.bytes > maxSharingBytes {
		return t.write(ctx, r)
	}
	s, first := t.join(ctx, r)
	defer context.AfterFunc(ctx, func() { t.leave(s) })()
	if first {
		t.writeInTurn(s)
		return s.err
	}
	select {
	case <-s.done:
		return s.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// join adds a request to the one that is written next, or makes that.
func (t *together) join(ctx context.Context, r *request) (s *shared, first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s = t.next; s != nil {
		if merged := s.request.with(r); t.fits(merged) {
			s.request = merged
			s.senders++
			return s, false
		}
	}
	s = &shared{request: r, senders: 1, done: make(chan struct{}), err: errNotWritten}
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	t.next = s
	return s, true
}

// writeInTurn waits for the write before it and writes.
func (t *together) writeInTurn(s *shared) {
	defer close(s.done) // also when write panics: then the answer is an error
	defer s.cancel()
	select {
	case <-t.turn:
		defer func() { t.turn <- struct{}{} }()
		t.mu.Lock()
		t.close(s)
		t.mu.Unlock()
		if s.err = s.ctx.Err(); s.err == nil {
			s.err = errNotWritten // in case write panics
			s.err = t.write(s.ctx, s.request)
		}
	case <-s.ctx.Done():
		s.err = s.ctx.Err()
	}
}

// leave notes that a sender gave up. When all have, so does the write.
func (t *together) leave(s *shared) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.senders--; s.senders == 0 {
		t.close(s)
		s.cancel()
	}
}

// close keeps others from joining.
func (t *together) close(s *shared) {
	if t.next == s {
		t.next = nil
	}
}
