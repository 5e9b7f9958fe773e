package usagepostgresexporter

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/exporter/exporterhelper/xexporterhelper"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"

	"github.com/otelcol-usage/otelcol-usage/exporter/usagepostgresexporter/internal/metadata"
)

// faultyDisk is a disk that fails by plan. A batch that fails does nothing, as
// in file_storage, where it is one transaction.
type faultyDisk struct {
	*disk
	mu    sync.Mutex
	calls int
	fault *diskFault // nil when it is well
	hit   bool       // it has failed
	slow  time.Duration
}

// diskFault says which calls of the disk fail, and whether the first that does is
// the end of the process.
type diskFault struct {
	name  string
	fails func(call, at int, ops []*storage.Operation) bool
	kills bool
	at    int
}

var faults = []diskFault{
	{name: "killed", kills: true, fails: func(call, at int, _ []*storage.Operation) bool { return call >= at }},
	{name: "one call fails", fails: func(call, at int, _ []*storage.Operation) bool { return call == at }},
	{name: "disk full", fails: func(call, at int, ops []*storage.Operation) bool {
		return call >= at && slices.ContainsFunc(ops, func(op *storage.Operation) bool { return op.Type == storage.Set })
	}},
	{name: "disk broken", fails: func(call, at int, _ []*storage.Operation) bool { return call >= at }},
}

var errDisk = errors.New("no space left on device")

func (d *faultyDisk) GetClient(context.Context, component.Kind, component.ID, string) (storage.Client, error) {
	return d, nil
}

func (d *faultyDisk) Get(ctx context.Context, key string) ([]byte, error) {
	op := storage.GetOperation(key)
	err := d.Batch(ctx, op)
	return op.Value, err
}

func (d *faultyDisk) Set(ctx context.Context, key string, value []byte) error {
	return d.Batch(ctx, storage.SetOperation(key, value))
}

func (d *faultyDisk) Delete(ctx context.Context, key string) error {
	return d.Batch(ctx, storage.DeleteOperation(key))
}

func (d *faultyDisk) Batch(ctx context.Context, ops ...*storage.Operation) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	time.Sleep(d.slow)
	d.calls++
	if d.fault != nil && d.fault.fails(d.calls, d.fault.at, ops) {
		d.hit = true
		return errDisk
	}
	return d.disk.Batch(ctx, ops...)
}

// killed: the process is no more, whatever the test's own still does.
func (d *faultyDisk) killed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fault != nil && d.hit && d.fault.kills
}

// fail has the calls fail of which the function says so; nil for none.
func (d *faultyDisk) fail(fails func(call, at int, ops []*storage.Operation) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = nil
	if fails != nil {
		d.fault = &diskFault{fails: fails}
	}
}

// repair ends a fault that has struck.
func (d *faultyDisk) repair() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.hit {
		d.fault = nil
	}
}

func (d *faultyDisk) called() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls
}

// items are the keys of requests on the disk.
func (d *faultyDisk) items() []string {
	d.disk.mu.Lock()
	defer d.disk.mu.Unlock()
	var keys []string
	for key := range d.data {
		if key != queueMetadataKey {
			keys = append(keys, key)
		}
	}
	return keys
}

// world is what outlives a collector: a disk, and a database that may be away.
type world struct {
	disk *faultyDisk

	mu    sync.Mutex
	away  bool
	tries int
	rows  map[string]bool

	sent     int
	accepted []string
	atOnce   bool // the requests of a collector arrive at once
}

func newWorld(f *diskFault) *world {
	return &world{disk: &faultyDisk{disk: newDisk(), fault: f}, rows: map[string]bool{}}
}

func (w *world) push(_ context.Context, r xexporterhelper.Request) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tries++
	if w.away || w.disk.killed() {
		return errors.New("the database is down")
	}
	for _, text := range r.(*request).records {
		w.rows[text] = true
	}
	return nil
}

// missing are the accepted records that the database does not have.
func (w *world) missing() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.accepted), func(text string) bool { return w.rows[text] })
}

func (w *world) tried() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tries > 0
}

// live runs one collector, which is sent requests of one record each, until
// its work is done or it can do no more.
func (w *world) live(t *testing.T, requests int, away bool, done func() bool) {
	t.Helper()
	defer w.disk.repair()
	w.away, w.tries = away, 0
	id := component.MustNewID("disk")
	cfg := fast(closedPort(t))
	cfg.QueueConfig.Get().StorageID = &id
	cfg.QueueConfig.Get().Batch.Get().FlushTimeout = time.Millisecond
	cfg.BackOffConfig.InitialInterval = time.Millisecond
	set := exportertest.NewNopSettings(metadata.Type)
	e, err := newUsageExporter(set, cfg)
	require.NoError(t, err)
	collector, err := newTraces(t.Context(), set, e, w.push)
	require.NoError(t, err)
	host := &testHost{extensions: map[component.ID]component.Component{id: w.disk}}
	defer func() { require.NoError(t, collector.Shutdown(context.Background())) }()
	if err := collector.Start(t.Context(), host); err != nil {
		require.ErrorContains(t, err, "restore the queue on disk: no space left on device; nothing is lost")
		return
	}
	var senders sync.WaitGroup
	for range requests {
		td := traces(w.sent, w.sent+1)
		w.sent++
		senders.Go(func() {
			if collector.ConsumeTraces(t.Context(), td) == nil && !w.disk.killed() {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.accepted = append(w.accepted, e.requestFrom(t.Context(), spansOf(td), 1).records...)
			}
		})
		if !w.atOnce {
			senders.Wait()
		}
	}
	senders.Wait()
	eventually(t, "the end of the work", func() bool {
		return done() || w.disk.killed() || slices.Contains(host.statuses(), componentstatus.StatusFatalError)
	})
}

// settle runs a collector with nothing wrong until the queue is empty.
func (w *world) settle(t *testing.T) {
	t.Helper()
	w.live(t, 0, false, func() bool { return len(w.disk.items()) == 0 })
	assert.Empty(t, w.missing(), "accepted and lost")
}

// A collector collects while the database is down, its successor restores the
// queue and stores: whichever single call of the disk goes wrong, and how, no
// accepted record is lost and nothing stays on the disk.
func TestNoFaultOfTheQueuesDiskLosesARecord(t *testing.T) {
	t.Parallel()
	for _, kind := range faults {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			for at, struck := 1, true; struck && !t.Failed(); at++ {
				f := kind
				f.at = at
				w := newWorld(&f)
				w.live(t, 3, true, func() bool { return w.tried() || len(w.accepted) == 0 })
				w.live(t, 2, false, func() bool { return len(w.missing()) == 0 })
				struck = w.disk.hit
				w.settle(t)
				if t.Failed() {
					t.Logf("%s at call %d of the disk", kind.name, at)
				}
				if !struck {
					assert.Greater(t, at, 10, "fewer calls of the disk than there must be")
					assert.Len(t, w.accepted, 5)
				}
			}
		})
	}
}

// TestNoFaultOfTheDiskLosesARecordThatSharedItsWrite is the test above with senders that
// come at once, so that their records share the queue's requests.
func TestNoFaultOfTheDiskLosesARecordThatSharedItsWrite(t *testing.T) {
	t.Parallel()
	for _, kind := range faults {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			for at := 1; at <= 25 && !t.Failed(); at++ {
				f := kind
				f.at = at
				w := newWorld(&f)
				w.atOnce, w.disk.slow = true, 100*time.Microsecond
				w.live(t, 12, true, func() bool { return w.tried() || len(w.accepted) == 0 })
				w.live(t, 8, false, func() bool { return len(w.missing()) == 0 })
				w.settle(t)
				if t.Failed() {
					t.Logf("%s at call %d of the disk", kind.name, at)
				}
			}
		})
	}
}

// However soon after a call was accepted the collector is stopped.
func TestOrderlyStopsWhileTheDatabaseIsAwayLoseNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(nil)
	for n := range 20 {
		w.live(t, 3, true, func() bool { return n%2 == 0 || w.tried() })
	}
	assert.Len(t, w.accepted, 60)
	w.settle(t)
}

func TestAQueueWithUnreadableMetadataKeepsTheCollectorFromStarting(t *testing.T) {
	t.Parallel()
	d := newDisk()
	d.data[queueMetadataKey] = []byte{0xff}
	_, err := queueStorage{Extension: d}.GetClient(t.Context(), component.KindExporter, component.ID{}, "traces")
	require.ErrorContains(t, err, "restore the queue on disk: metadata qmv0: ")
	assert.Equal(t, []byte{0xff}, d.data[queueMetadataKey], "left for a person to look at")
}

// helper does to a storage what the helper's queue does.
type helper struct {
	t       *testing.T
	client  *queueClient
	version int
}

func (h *helper) batch(op *storage.Operation) error {
	h.version++
	return h.client.Batch(h.t.Context(), storage.SetOperation(queueMetadataKey, fmt.Append(nil, h.version)), op)
}

func (h *helper) put(index uint64, item string) error {
	return h.batch(storage.SetOperation(itemKey(index), []byte(item)))
}

func (h *helper) handOut(index uint64) string {
	op := storage.GetOperation(itemKey(index))
	require.NoError(h.t, h.batch(op))
	return string(op.Value)
}

func (h *helper) done(index uint64) {
	require.NoError(h.t, h.batch(storage.DeleteOperation(itemKey(index))))
}

func TestTheQueueWritesOnceForEachRequest(t *testing.T) {
	t.Parallel()
	d := &faultyDisk{disk: newDisk()}
	h := helper{t: t, client: &queueClient{Client: d, logger: zap.NewNop(), lateBy: time.Hour}}
	require.NoError(t, h.put(0, "zero"))
	require.NoError(t, h.put(1, "one"))
	assert.Equal(t, "zero", h.handOut(0))
	assert.Equal(t, "one", h.handOut(1))
	h.done(0)
	assert.Equal(t, 2, d.called(), "what is handed out or done is not worth a write")
	require.NoError(t, h.put(2, "two"))
	assert.Equal(t, 3, d.called())
	assert.ElementsMatch(t, []string{"1", "2"}, d.items(), "what was done went with the next write")
	h.done(1)
	require.NoError(t, h.client.Close(t.Context()))
	assert.Equal(t, []string{"2"}, d.items(), "and with the end")
	assert.Equal(t, "two"+strconv.Itoa(h.version), string(d.data["2"])+string(d.data[queueMetadataKey]))
}

func TestWhatIsDoneLeavesTheDiskWhenNothingIsWritten(t *testing.T) {
	t.Parallel()
	d := &faultyDisk{disk: newDisk()}
	h := helper{t: t, client: &queueClient{Client: d, logger: zap.NewNop(), lateBy: time.Millisecond}}
	require.NoError(t, h.put(0, "zero"))
	h.handOut(0)
	d.fail(func(call, _ int, _ []*storage.Operation) bool { return call == 2 }) // the first try
	h.done(0)
	eventually(t, "the disk to follow", func() bool { return len(d.items()) == 0 })
	require.NoError(t, h.client.Close(t.Context()))
}

func TestWhatIsDoneGivesRoomOnAFullDisk(t *testing.T) {
	t.Parallel()
	d := &faultyDisk{disk: newDisk()}
	h := helper{t: t, client: &queueClient{Client: d, logger: zap.NewNop(), lateBy: time.Hour}}
	require.NoError(t, h.put(0, "zero"))
	h.handOut(0)
	h.done(0)
	d.fail(func(_, _ int, ops []*storage.Operation) bool {
		return slices.ContainsFunc(ops, putsItem) && len(d.items()) > 0
	})
	require.NoError(t, h.put(1, "one"))
	assert.Equal(t, []string{"1"}, d.items())
	require.ErrorIs(t, h.put(2, "two"), errDisk)
}

// TestTheQueueHandsOutWhatItTook: whether an item comes from memory or from the disk, and
// whichever writes fail.
func TestTheQueueHandsOutWhatItTook(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // repeatable
		d := &faultyDisk{disk: newDisk()}
		h := helper{t: t, client: &queueClient{Client: d, logger: zap.NewNop(), lateBy: time.Millisecond}}
		written, read := uint64(0), uint64(0)
		items := map[uint64]string{}
		var underWay []uint64
		largest := 1 << random.IntN(24)
		for range 200 {
			fail := random.IntN(8)
			d.fail(func(int, int, []*storage.Operation) bool {
				fail--
				return fail == 0
			})
			switch random.IntN(3) {
			case 0:
				item := strings.Repeat(strconv.FormatUint(written, 10), random.IntN(largest)/4+1)
				if h.put(written, item) == nil {
					items[written] = item
				}
				written++
			case 1:
				if read == written {
					continue
				}
				require.Equal(t, items[read], h.handOut(read))
				underWay = append(underWay, read)
				read++
			case 2:
				if len(underWay) == 0 {
					continue
				}
				i := random.IntN(len(underWay))
				h.done(underWay[i])
				delete(items, underWay[i])
				underWay = slices.Delete(underWay, i, i+1)
			}
		}
		d.fail(nil)
		require.NoError(t, h.client.Close(t.Context()))
		assert.Len(t, d.items(), len(items))
		assert.LessOrEqual(t, h.client.run.bytes, maxRunBytes)
	}
}
