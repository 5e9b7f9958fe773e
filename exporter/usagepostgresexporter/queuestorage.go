package usagepostgresexporter

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
	"google.golang.org/protobuf/encoding/protowire"
)

// The helper's queue on disk gives up accepted requests in two places: when it
// starts, it deletes those that were under way before it puts them back; and
// it deletes one whose hand-out it cannot note, as on a full disk. What stands
// here lies between the queue and its storage and closes both, on the ground
// that a Batch of the storage is done whole or not at all. See
// docs/decisions/0004-queue-storage.md.

// queueHost is the host with our storage in place of the configured one.
type queueHost struct {
	component.Host
	extensions map[component.ID]component.Component
}

func (h queueHost) GetExtensions() map[component.ID]component.Component { return h.extensions }

// queueHost wraps the storage of the queue, if it has one. The queue itself reports a
// storage that is missing or of the wrong kind.
func (e *usageExporter) queueHost(host component.Host) component.Host {
	queue := e.cfg.QueueConfig.Get()
	if queue == nil || queue.StorageID == nil {
		return host
	}
	extensions := host.GetExtensions()
	inner, ok := extensions[*queue.StorageID].(storage.Extension)
	if !ok {
		return host
	}
	extensions = maps.Clone(extensions)
	extensions[*queue.StorageID] = queueStorage{Extension: inner, logger: e.logger, broken: e.queueBroken}
	return queueHost{Host: host, extensions: extensions}
}

// queueStorage opens storage clients that keep what was accepted.
type queueStorage struct {
	storage.Extension
	logger *zap.Logger
	broken func(error)
}

// GetClient puts back what was in progress when the last collector ended. An error keeps
// the collector from starting and leaves the queue unchanged.
func (s queueStorage) GetClient(ctx context.Context, kind component.Kind, id component.ID, name string) (storage.Client, error) {
	inner, err := s.Extension.GetClient(ctx, kind, id, name)
	if err != nil {
		return nil, err
	}
	metadata, moved, err := putBack(ctx, inner)
	if err != nil {
		err = fmt.Errorf("restore the queue on disk: %w; nothing is lost; look at the disk of the storage extension and start again", err)
		return nil, errors.Join(err, inner.Close(ctx))
	}
	if moved > 0 {
		s.logger.Info("put requests that were under way back into the queue", zap.Int("requests", moved))
	}
	return &queueClient{Client: inner, logger: s.logger, broken: s.broken, metadata: metadata, lateBy: maxLate}, nil
}

// putBack moves each request that was in progress to the end of the queue, each in one
// step. It returns the resulting metadata of the queue, nil for a new queue, and the number
// of requests moved.
func putBack(ctx context.Context, c storage.Client) (data []byte, moved int, err error) {
	data, err = c.Get(ctx, queueMetadataKey)
	if err != nil || len(data) == 0 {
		return nil, 0, err
	}
	m, err := parseQueueMetadata(data)
	if err != nil {
		return nil, 0, err
	}
	for len(m.underWay) > 0 {
		from := itemKey(m.underWay[0])
		item, err := c.Get(ctx, from)
		if err != nil {
			return nil, moved, err
		}
		m.underWay = m.underWay[1:]
		ops := []*storage.Operation{storage.DeleteOperation(from)}
		if item != nil { // otherwise it was stored and deleted, and the metadata not updated
			ops = append(ops, storage.SetOperation(itemKey(m.writeIndex), item))
			m.writeIndex++
			moved++
		}
		data = m.append(nil)
		if err := c.Batch(ctx, append(ops, storage.SetOperation(queueMetadataKey, data))...); err != nil {
			return nil, moved, err
		}
	}
	return data, moved, nil
}

// queueClient is the storage of one queue, which calls it under its own lock.
//
// The queue writes when it accepts a request, when it hands it out and when it is done with
// it, and file_storage syncs the disk for each, a read included. Only the first has to be
// on the disk at once: without the others a request is sent once more after a crash, and
// the database knows its calls. So they wait for the next write, and what is written is
// kept for a while, so that handing it out need not read.
type queueClient struct {
	storage.Client
	logger *zap.Logger
	broken func(error)

	mu       sync.Mutex // for late.timer, which is not under the lock of the queue
	metadata []byte
	lateBy   time.Duration
	late     lateOps
	run      run
	failing  bool
	// abandoned is set when even reading fails: the disk stays as it is for the next start.
	abandoned, closed bool
}

// lateOps are operations that are not on the disk yet.
type lateOps struct {
	metadata *storage.Operation
	deletes  []*storage.Operation
	timer    *time.Timer // nil unless it runs
}

// maxLate is how long a request that is done may stay on the disk when nothing is written.
const maxLate = time.Second

// Get answers the queue's request for its metadata at start. If that were an error, the
// queue would start over and overwrite everything it holds.
func (c *queueClient) Get(ctx context.Context, key string) ([]byte, error) {
	if key == queueMetadataKey {
		return c.metadata, nil
	}
	return c.Client.Get(ctx, key)
}

var errQueueAbandoned = errors.New("the queue on disk cannot be read; this collector has to be started again")

func (c *queueClient) Batch(ctx context.Context, ops ...*storage.Operation) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.abandoned {
		if slices.ContainsFunc(ops, putsItem) {
			return errQueueAbandoned
		}
		return nil // an item without content is handed out and stored by nobody
	}
	switch kindOf(ops) {
	case handsOut:
		c.late.metadata = ops[0]
		return c.handOut(ctx, ops[1])
	case isDone:
		c.late.metadata, c.late.deletes = ops[0], append(c.late.deletes, ops[1])
		c.catchUpLater()
		return nil
	}
	err := c.write(ctx, ops...)
	if err != nil && len(c.late.deletes) > 0 && c.write(ctx) == nil {
		// The disk had no room for both, and what is done has given some back.
		err = c.write(ctx, ops...)
	}
	if err != nil {
		return err
	}
	for _, op := range ops {
		if index, ok := indexOf(op); ok && putsItem(op) {
			c.run.add(index, op.Value)
		}
	}
	return nil
}

// write executes the operations and those that are late as one transaction.
func (c *queueClient) write(ctx context.Context, ops ...*storage.Operation) error {
	all := make([]*storage.Operation, 0, 1+len(c.late.deletes)+len(ops))
	if c.late.metadata != nil {
		all = append(all, c.late.metadata) // before ops, which may have newer
	}
	err := c.Client.Batch(ctx, append(append(all, c.late.deletes...), ops...)...)
	c.tell(err)
	if err == nil {
		c.late.metadata, c.late.deletes = nil, nil
	}
	return err
}

// handOut reads an item, together with some that are next.
func (c *queueClient) handOut(ctx context.Context, item *storage.Operation) error {
	index, ok := indexOf(item)
	if !ok {
		return c.readAlone(ctx, item)
	}
	if value, ok := c.run.take(index); ok {
		item.Value = value
		return nil
	}
	next := make([]*storage.Operation, c.run.room())
	for i := range next {
		next[i] = storage.GetOperation(itemKey(index + 1 + uint64(i))) //nolint:gosec // some
	}
	if c.write(ctx, append([]*storage.Operation{item}, next...)...) != nil {
		return c.readAlone(ctx, item)
	}
	c.run.begin(index, item.Value)
	for i, op := range next {
		if op.Value == nil {
			break // written when its turn comes, or never
		}
		c.run.add(index+1+uint64(i), op.Value) //nolint:gosec // some
	}
	return nil
}

func (c *queueClient) readAlone(ctx context.Context, op *storage.Operation) error {
	if err := c.Client.Batch(ctx, op); err != nil {
		c.abandoned = true
		op.Value = nil
		c.broken(fmt.Errorf("%w: %w", errQueueAbandoned, err))
	}
	return nil
}

// catchUpLater has what is late written when nothing else is.
func (c *queueClient) catchUpLater() {
	if c.late.timer == nil && !c.closed {
		c.late.timer = time.AfterFunc(c.lateBy, c.catchUp)
	}
}

func (c *queueClient) catchUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.late.timer = nil
	if c.closed || c.abandoned || len(c.late.deletes) == 0 {
		return
	}
	if c.write(context.Background()) != nil {
		c.catchUpLater()
	}
}

// Close writes what is late. If it cannot, the next collector sends that once more.
func (c *queueClient) Close(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.late.timer != nil {
		c.late.timer.Stop()
	}
	if !c.abandoned && len(c.late.deletes) > 0 {
		_ = c.write(ctx) // it tells
	}
	return c.Client.Close(ctx)
}

// run is a copy of the items that are next in the queue, without a gap.
type run struct {
	items [][]byte
	end   uint64 // the index after the last
	bytes int
	size  int // of the item that was seen last
}

const (
	maxRunBytes = 4 << 20
	maxRunRead  = 16 // items that are read at a time, beside the one that is wanted
)

// add keeps an item if it continues the run.
func (r *run) add(index uint64, item []byte) {
	r.size = len(item)
	if index == r.end && r.bytes+len(item) <= maxRunBytes {
		r.items, r.end, r.bytes = append(r.items, item), r.end+1, r.bytes+len(item)
	}
}

// take removes the first item of the run, if it is the one with the index.
func (r *run) take(index uint64) ([]byte, bool) {
	if len(r.items) == 0 || index+uint64(len(r.items)) != r.end {
		return nil, false
	}
	item := r.items[0]
	r.items[0] = nil // the array outlives it
	r.items, r.bytes = r.items[1:], r.bytes-len(item)
	return item, true
}

// begin begins another run, after an item that was read.
func (r *run) begin(index uint64, item []byte) {
	*r = run{end: index + 1, size: len(item)}
}

// room is how many items are worth reading when they have the size of the last.
func (r *run) room() int {
	if r.size == 0 {
		return 0
	}
	return min(maxRunRead, maxRunBytes/2/r.size)
}

// tell logs when the disk begins to fail and when it has recovered.
func (c *queueClient) tell(err error) {
	switch {
	case err != nil && !c.failing:
		c.logger.Warn("the queue on disk cannot be written; new usage is refused, what it holds is still stored", zap.Error(err))
	case err == nil && c.failing:
		c.logger.Info("the queue on disk is written again")
	}
	c.failing = err != nil
}

// The form in which the helper's queue keeps itself, version 0 of its metadata.

const queueMetadataKey = "qmv0"

func itemKey(index uint64) string { return strconv.FormatUint(index, 10) }

// kind is what the queue wants of a batch.
type kind int

const (
	other    kind = iota
	handsOut      // records that an item is in progress, and reads it
	isDone        // records that it no longer is, and deletes it
)

func kindOf(ops []*storage.Operation) kind {
	if len(ops) != 2 || ops[0].Type != storage.Set || ops[0].Key != queueMetadataKey {
		return other
	}
	switch ops[1].Type {
	case storage.Get:
		return handsOut
	case storage.Delete:
		return isDone
	}
	return other
}

func indexOf(op *storage.Operation) (index uint64, ok bool) {
	index, err := strconv.ParseUint(op.Key, 10, 64)
	return index, err == nil
}

func putsItem(op *storage.Operation) bool {
	return op.Type == storage.Set && op.Key != queueMetadataKey
}

// queueMetadata is the part of the queue's metadata that we change.
type queueMetadata struct {
	writeIndex uint64   // the key of the next item
	underWay   []uint64 // handed out and not done
	rest       []byte   // the other fields, encoded
}

const (
	writeIndexField = 4
	underWayField   = 5
)

func parseQueueMetadata(data []byte) (queueMetadata, error) {
	var m queueMetadata
	for len(data) > 0 {
		field, kind, all := protowire.ConsumeField(data)
		if all < 0 {
			return m, fmt.Errorf("metadata %s: %w", queueMetadataKey, protowire.ParseError(all))
		}
		value := data[protowire.SizeTag(field):all]
		switch {
		case field == writeIndexField && kind == protowire.Fixed64Type:
			m.writeIndex = binary.LittleEndian.Uint64(value)
		case field == underWayField && kind == protowire.BytesType:
			packed, _ := protowire.ConsumeBytes(value)
			for ; len(packed) >= 8; packed = packed[8:] {
				m.underWay = append(m.underWay, binary.LittleEndian.Uint64(packed))
			}
		default:
			m.rest = append(m.rest, data[:all]...)
		}
		data = data[all:]
	}
	return m, nil
}

func (m queueMetadata) append(b []byte) []byte {
	b = append(b, m.rest...)
	b = protowire.AppendTag(b, writeIndexField, protowire.Fixed64Type)
	b = protowire.AppendFixed64(b, m.writeIndex)
	if len(m.underWay) > 0 {
		b = protowire.AppendTag(b, underWayField, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(8*len(m.underWay)))
		for _, index := range m.underWay {
			b = protowire.AppendFixed64(b, index)
		}
	}
	return b
}
