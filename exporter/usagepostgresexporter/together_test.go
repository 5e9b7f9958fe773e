package usagepostgresexporter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// slowDisk writes one request at a time, when the test lets it.
type slowDisk struct {
	mu      sync.Mutex
	written [][]string
	begun   chan *request
	answer  chan error
}

func newSlowDisk() *slowDisk {
	return &slowDisk{begun: make(chan *request), answer: make(chan error)}
}

func (d *slowDisk) write(ctx context.Context, r *request) error {
	select {
	case d.begun <- r:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-d.answer:
		if err == nil {
			d.mu.Lock()
			d.written = append(d.written, r.records)
			d.mu.Unlock()
		}
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func upTo(records int) func(*request) bool {
	return func(r *request) bool { return len(r.records) <= records }
}

// send adds a request of one record and returns where its answer comes. It returns when
// the request waits.
func (t *together) send(ctx context.Context, text string) <-chan error {
	answer := make(chan error, 1)
	t.mu.Lock()
	before := t.waiting()
	t.mu.Unlock()
	go func() { answer <- t.add(ctx, newRequest([]string{text}, time.Now())) }()
	for {
		t.mu.Lock()
		after := t.waiting()
		t.mu.Unlock()
		if after != before {
			return answer
		}
		time.Sleep(time.Millisecond)
	}
}

// waiting changes whenever a request joins.
func (t *together) waiting() string {
	if t.next == nil {
		return ""
	}
	return fmt.Sprintf("%p %d", t.next, t.next.senders)
}

func TestWhatArrivesDuringAWriteIsWrittenTogetherNext(t *testing.T) {
	t.Parallel()
	disk := newSlowDisk()
	queue := newTogether(disk.write, upTo(3))
	ctx := t.Context()
	first := make(chan error, 1)
	go func() { first <- queue.add(ctx, newRequest([]string{"a"}, time.Now())) }()
	<-disk.begun
	var answers []<-chan error
	for _, text := range []string{"b", "c", "d", "e", "f"} {
		answers = append(answers, queue.send(ctx, text))
	}
	for _, answer := range append(answers, first) {
		require.Empty(t, answer, "nobody has an answer before the disk has")
	}
	disk.answer <- nil
	require.NoError(t, <-first)
	require.Equal(t, []string{"b", "c", "d"}, (<-disk.begun).records, "no more than fit")
	for _, answer := range answers {
		require.Empty(t, answer)
	}
	disk.answer <- errDisk
	for _, answer := range answers[:3] {
		require.ErrorIs(t, <-answer, errDisk, "all of them, for none is stored")
	}
	require.Equal(t, []string{"e", "f"}, (<-disk.begun).records)
	disk.answer <- nil
	for _, answer := range answers[3:] {
		require.NoError(t, <-answer)
	}
	assert.Equal(t, [][]string{{"a"}, {"e", "f"}}, disk.written)
}

func TestALargeRequestIsWrittenAlone(t *testing.T) {
	t.Parallel()
	disk := newSlowDisk()
	queue := newTogether(disk.write, upTo(100))
	first := queue.send2(t.Context(), disk, "a")
	large := queue.send2(t.Context(), disk, strings.Repeat("b", maxSharingBytes)) // beside the first, which is being written
	small := queue.send(t.Context(), "c")
	disk.answer <- nil
	disk.answer <- nil
	require.NoError(t, <-first)
	require.NoError(t, <-large)
	require.Equal(t, []string{"c"}, (<-disk.begun).records)
	disk.answer <- nil
	require.NoError(t, <-small)
}

func TestASenderWhoGivesUpTakesNobodyAlong(t *testing.T) {
	t.Parallel()
	disk := newSlowDisk()
	queue := newTogether(disk.write, upTo(100))
	first := queue.send2(t.Context(), disk, "a")
	impatient, giveUp := context.WithCancel(t.Context())
	opens := queue.send(impatient, "b") // the one who writes for all
	joins := queue.send(impatient, "c")
	stays := queue.send(t.Context(), "d")
	giveUp()
	require.ErrorIs(t, <-joins, context.Canceled)
	disk.answer <- nil
	require.NoError(t, <-first)
	require.Equal(t, []string{"b", "c", "d"}, (<-disk.begun).records)
	disk.answer <- nil
	require.NoError(t, <-stays)
	require.NoError(t, <-opens, "it stayed for the others, and has their answer")
}

func TestAWriteEndsWhenAllSendersHaveGivenUp(t *testing.T) {
	t.Parallel()
	disk := newSlowDisk()
	queue := newTogether(disk.write, upTo(100))
	impatient, giveUp := context.WithCancel(t.Context())
	first := queue.send2(impatient, disk, "a") // as one that waits for room in a full queue
	second := queue.send(impatient, "b")
	third := queue.send(impatient, "c")
	giveUp()
	for _, answer := range []<-chan error{first, second, third} {
		require.ErrorIs(t, <-answer, context.Canceled)
	}
	last := queue.send2(t.Context(), disk, "d")
	disk.answer <- nil
	require.NoError(t, <-last, "the next is not hindered")
	assert.Equal(t, [][]string{{"d"}}, disk.written)
}

// send2 sends a request that is written at once.
func (t *together) send2(ctx context.Context, disk *slowDisk, text string) <-chan error {
	answer := make(chan error, 1)
	go func() { answer <- t.add(ctx, newRequest([]string{text}, time.Now())) }()
	<-disk.begun
	return answer
}

func TestAPanicIsNoAnswerThatSomethingIsStored(t *testing.T) {
	t.Parallel()
	begun, goOn := make(chan struct{}), make(chan struct{})
	queue := newTogether(func(context.Context, *request) error {
		begun <- struct{}{}
		<-goOn
		panic("of the helper")
	}, upTo(100))
	panics := func() (answer chan any) {
		answer = make(chan any, 1)
		go func() {
			defer func() { answer <- recover() }()
			_ = queue.add(context.Background(), newRequest([]string{"a"}, time.Now()))
		}()
		return answer
	}
	first := panics()
	<-begun
	second := panics()
	for {
		queue.mu.Lock()
		waits := queue.next != nil
		queue.mu.Unlock()
		if waits {
			break
		}
		time.Sleep(time.Millisecond)
	}
	joined := queue.send(t.Context(), "b")
	goOn <- struct{}{}
	<-begun
	goOn <- struct{}{}
	assert.NotNil(t, <-first)
	assert.NotNil(t, <-second)
	assert.ErrorIs(t, <-joined, errNotWritten)
}

// TestSendersAtOnce: whatever the disk answers, each record that was accepted is written
// once, and none of those that were refused.
func TestSendersAtOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	written, writes := map[string]int{}, 0
	queue := newTogether(func(_ context.Context, r *request) error {
		time.Sleep(100 * time.Microsecond)
		mu.Lock()
		defer mu.Unlock()
		if writes++; writes%7 == 0 {
			return errDisk
		}
		for _, text := range r.records {
			written[text]++
		}
		return nil
	}, upTo(16))
	const senders, each = 32, 50
	accepted := make([][]string, senders)
	var wait sync.WaitGroup
	for sender := range senders {
		wait.Go(func() {
			for n := range each {
				text := fmt.Sprintf("%d/%d", sender, n)
				err := queue.add(t.Context(), newRequest([]string{text}, time.Now()))
				if err == nil {
					accepted[sender] = append(accepted[sender], text)
				} else if !errors.Is(err, errDisk) {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	all := slices.Concat(accepted...)
	assert.Len(t, written, len(all))
	for _, text := range all {
		assert.Equal(t, 1, written[text], text)
	}
	assert.Less(t, writes, senders*each/2, "most requests shared a write")
}
