package pricing

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/otelcol-usage/otelcol-usage/internal/fault"
)

// Source keeps a book up to date: it watches the files of its [Config] and reloads them
// when one changes. If a change cannot be loaded, the last good book stays in use and the
// fault is reported.
type Source struct {
	config  Config
	options SourceOptions
	current atomic.Pointer[loaded]
	load    func(Config) (*Book, error) // Load

	mu      sync.Mutex // one reload at a time
	seen    string     // fingerprint at the last reload, good or bad
	stop    chan struct{}
	stopped sync.WaitGroup
}

// loaded is a book and the time at which it was loaded.
type loaded struct {
	book *Book
	at   time.Time
}

// SourceOptions are the callbacks and intervals of a [Source]. Callbacks may be nil; they
// are called by one goroutine at a time.
type SourceOptions struct {
	// Reloaded is called with each new book.
	Reloaded func(*Book)
	// Failed is called with the reason why a change was rejected.
	Failed func(error)
	// Poll is how often the files are read even without a notification, which network file
	// systems do not send; 0 means 30 s.
	Poll time.Duration
	// Settle is how long changed files must stay unchanged before they are loaded, so that
	// a half-written file is not taken for a whole one; 0 means 2 s.
	Settle time.Duration
}

const (
	defaultPoll   = 30 * time.Second
	defaultSettle = 2 * time.Second
)

// NewSource loads the book. Watching begins with [Source.Start].
func NewSource(cfg Config, options SourceOptions) (*Source, error) {
	if options.Poll <= 0 {
		options.Poll = defaultPoll
	}
	if options.Settle <= 0 {
		options.Settle = defaultSettle
	}
	cfg.Files = slices.Clone(cfg.Files)
	s := &Source{config: cfg, options: options, load: Load}
	s.seen = fingerprint(s.config.watched())
	b, err := Load(s.config)
	if err != nil {
		return nil, err
	}
	s.current.Store(&loaded{b, time.Now()})
	return s, nil
}

// Current returns the last good book.
func (s *Source) Current() *Book { return s.current.Load().book }

// LoadedAt returns the time at which the current book was loaded.
func (s *Source) LoadedAt() time.Time { return s.current.Load().at }

// Start begins to watch the files, if there are any. Where the system cannot report
// changes, it reads them every Poll.
func (s *Source) Start() {
	if len(s.config.watched()) == 0 || s.stop != nil {
		return
	}
	s.stop = make(chan struct{})
	watcher, err := fsnotify.NewWatcher()
	if err == nil {
		// Watch the folder, not the file: editors and mounted configuration replace the
		// file, and a watch would stay with the old one.
		for _, folder := range folders(s.config.watched()) {
			err = errors.Join(err, watcher.Add(folder))
		}
	}
	if err != nil && s.options.Failed != nil {
		s.options.Failed(fmt.Errorf("watch price files (they are read every %s instead): %w", s.options.Poll, err))
	}
	s.stopped.Add(1)
	go s.watch(watcher)
}

// Close stops watching; the current book stays usable.
func (s *Source) Close() {
	if s.stop == nil {
		return
	}
	close(s.stop)
	s.stopped.Wait()
	s.stop = nil
}

func (s *Source) watch(watcher *fsnotify.Watcher) {
	defer s.stopped.Done()
	var events chan fsnotify.Event
	var failures chan error
	if watcher != nil {
		defer func() { _ = watcher.Close() }()
		events, failures = watcher.Events, watcher.Errors
	}
	poll := time.NewTicker(s.options.Poll)
	defer poll.Stop()
	settle := time.NewTimer(time.Hour)
	settle.Stop()
	defer settle.Stop()
	var changed reading
	for {
		select {
		case <-s.stop:
			return
		case _, ok := <-events:
			if !ok {
				events = nil
				continue
			}
			settle.Reset(s.options.Settle)
		case err, ok := <-failures:
			if !ok {
				failures = nil
				continue
			}
			if s.options.Failed != nil {
				s.options.Failed(fmt.Errorf("watch price files: %w", err))
			}
		case <-settle.C:
			if !s.takeOver(&changed) {
				settle.Reset(s.options.Settle)
			}
		case <-poll.C:
			if !s.takeOver(&changed) {
				settle.Reset(s.options.Settle)
			}
		}
	}
}

// reading is a fingerprint of the files and the time it was first seen.
type reading struct {
	files string
	at    time.Time
}

// takeOver reloads when two readings [SourceOptions.Settle] apart are equal. It returns
// false while another reading is needed.
func (s *Source) takeOver(last *reading) (done bool) {
	now := reading{fingerprint(s.config.Files), time.Now()}
	switch {
	case now.files == s.seen:
		*last = reading{}
		return true
	case now.files != last.files:
		*last = now
		return false
	case now.at.Sub(last.at) < s.options.Settle:
		return false
	}
	*last = reading{}
	s.Reload()
	return true
}

// Reload reloads the book at once if a file changed since the last time, and reports
// whether there is a new book.
func (s *Source) Reload() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := fingerprint(s.config.watched())
	if now == s.seen {
		return false
	}
	s.seen = now
	var b *Book
	err := fault.Guard(func() (err error) {
		b, err = s.load(s.config)
		return err
	})
	if err != nil {
		if s.options.Failed != nil {
			s.options.Failed(fmt.Errorf("load changed price files, the book %s stays: %w", s.Current().Version(), err))
		}
		return false
	}
	s.current.Store(&loaded{b, time.Now()})
	if s.options.Reloaded != nil {
		s.options.Reloaded(b)
	}
	return true
}

// watched lists the files of a book that may change.
func (c *Config) watched() []string {
	if c.Update == "" {
		return c.Files
	}
	return append(slices.Clone(c.Files), c.Update)
}

// fingerprint changes when the content of a file changes, or when a file can no longer be
// read.
func fingerprint(files []string) string {
	h := newFingerprint()
	for _, name := range files {
		content, err := readFile(name)
		if err != nil {
			h.add("error", []byte(err.Error()))
			continue
		}
		h.add(name, content)
	}
	return h.text()
}

func folders(files []string) (list []string) {
	for _, name := range files {
		if folder := filepath.Dir(name); !slices.Contains(list, folder) {
			list = append(list, folder)
		}
	}
	return list
}
