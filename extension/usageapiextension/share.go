package usageapiextension

import (
	"sync"
	"sync/atomic"
)

// sharer lets callers who ask the same question at the same time share one database query.
// A dashboard that fifty people open in the morning costs as much as two.
//
// Nobody gets an answer whose query started before their question, so everything stored
// before a question is in its answer. A caller who finds a query running waits for the next
// one, which all who arrive meanwhile share.
type sharer struct {
	mu      sync.Mutex
	flights map[string]*flights
	waiters atomic.Int64 // how many wait for another caller's query
}

// flights are the running query of a question and the next one.
type flights struct{ running, next *flight }

type flight struct {
	done   chan struct{}
	answer *answer
	err    error
}

// do returns the answer of read, or that of another caller with the same key.
func (s *sharer) do(key string, read func() (*answer, error)) (*answer, error) {
	s.mu.Lock()
	f := s.flights[key]
	switch {
	case f == nil:
		if s.flights == nil {
			s.flights = make(map[string]*flights)
		}
		f = &flights{running: newFlight()}
		s.flights[key] = f
		s.mu.Unlock()
		return s.fly(key, f, f.running, read)
	case f.next == nil:
		mine, before := newFlight(), f.running
		f.next = mine
		s.mu.Unlock()
		s.wait(before)
		return s.fly(key, f, mine, read)
	}
	mine := f.next
	s.mu.Unlock()
	s.wait(mine)
	return mine.answer, mine.err
}

func (s *sharer) wait(f *flight) {
	s.waiters.Add(1)
	<-f.done
	s.waiters.Add(-1)
}

func newFlight() *flight { return &flight{done: make(chan struct{}), err: errReading} }

// errReading is the error for those who shared a query that panicked.
var errReading = newProblem(500, "a fault in the program; the collector's log has it")

// fly runs the query and wakes those who wait for it.
func (s *sharer) fly(key string, f *flights, mine *flight, read func() (*answer, error)) (*answer, error) {
	s.mu.Lock()
	if f.next == mine {
		f.running, f.next = mine, nil
	}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		if f.next == nil {
			delete(s.flights, key)
		}
		s.mu.Unlock()
		close(mine.done)
	}()
	mine.answer, mine.err = read()
	return mine.answer, mine.err
}
