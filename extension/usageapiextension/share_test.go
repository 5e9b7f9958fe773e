package usageapiextension

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/report"
)

// TestSharedAnswersAreNeverOlderThanTheQuestion: every reading looks at a
// counter when it begins; nobody may get a lower one than they saw before they
// asked.
func TestSharedAnswersAreNeverOlderThanTheQuestion(t *testing.T) {
	t.Parallel()
	var s sharer
	var stored, readings atomic.Int64
	var callers sync.WaitGroup
	for range 16 {
		callers.Go(func() {
			for range 300 {
				before := stored.Add(1)
				got, err := s.do("the same", func() (*answer, error) {
					readings.Add(1)
					return &answer{rows: int(stored.Load())}, nil
				})
				if err != nil || int64(got.rows) < before {
					t.Errorf("asked after %d and got %v, %v", before, got, err)
				}
			}
		})
	}
	callers.Wait()
	assert.LessOrEqual(t, readings.Load(), int64(16*300))
	assert.Empty(t, s.flights, "nothing is kept")
}

func TestFiftyWhoAskTheSameAreTwoReadings(t *testing.T) {
	t.Parallel()
	var s sharer
	var readings atomic.Int64
	first, goOn := make(chan struct{}), make(chan struct{})
	var callers sync.WaitGroup
	ask := func() {
		callers.Go(func() {
			_, err := s.do("the same", func() (*answer, error) {
				if readings.Add(1) == 1 {
					close(first)
					<-goOn
				}
				return &answer{}, nil
			})
			assert.NoError(t, err)
		})
	}
	ask()
	<-first
	for range 49 {
		ask()
	}
	require.Eventually(t, func() bool { return s.waiters.Load() == 49 }, time.Minute, time.Millisecond)
	close(goOn)
	callers.Wait()
	assert.Equal(t, int64(2), readings.Load())

	_, err := s.do("another", func() (*answer, error) { return nil, errReading })
	require.ErrorIs(t, err, errReading)
}

func TestAReadingThatPanicsLetsTheOthersGo(t *testing.T) {
	t.Parallel()
	var s sharer
	assert.Panics(t, func() { _, _ = s.do("x", func() (*answer, error) { panic("fault") }) })
	got, err := s.do("x", func() (*answer, error) { return &answer{rows: 1}, nil })
	require.NoError(t, err)
	assert.Equal(t, 1, got.rows)
}

func TestAnswersInTwoCurrenciesAreNotShared(t *testing.T) {
	t.Parallel()
	key := func(p params) string { return sharedKey(&question{params: p}, report.Question{}) }
	assert.NotEqual(t, key(params{"currency": "EUR"}), key(params{"currency": "JPY"}))
	assert.NotEqual(t, key(params{"currency": "EUR"}), key(params{}))
	assert.Equal(t, key(params{"currency": "EUR", "top": "1"}), key(params{"top": "1", "currency": "EUR"}))
}
