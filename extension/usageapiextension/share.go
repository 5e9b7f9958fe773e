package usageapiextension

import (
	"sync"
	"sync/atomic"
)

// sharer lets callers who ask the same at the same time share one reading of
// the database: a dashboard that fifty people open in the morning costs what
// two do.
//
// Nobody gets an answer that began to be read before they asked, so what was
// stored before a question is always in its answer: whoever finds a reading
// under way waits for the next, which all who came meanwhile share.
type sharer struct {
	mu      sync.Mutex
	flights map[string]*flights
	waiters atomic.Int64 // how many wait for somebody's reading
}

// flights are the reading of one question that is under way and the next.
type flights struct{ running, next *flight }

type flight struct {
	done   chan struct{}
	answer *answer
	err    error
}

// do gives the answer that read finds for key.
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

// errReading is what sharers of a reading get that ended in a panic.
var errReading = newProblem(500, "a fault in the program; the collector's log has it")

// fly reads, and lets go whoever waits for it.
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
