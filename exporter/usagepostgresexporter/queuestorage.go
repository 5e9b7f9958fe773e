package usagepostgresexporter

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

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
	return &queueClient{Client: inner, logger: s.logger, broken: s.broken, metadata: metadata}, nil
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
type queueClient struct {
	storage.Client
	logger *zap.Logger
	broken func(error)

	metadata []byte
	// overdue are deletes that failed. They are repeated with the next batch.
	overdue []*storage.Operation
	failing bool
	// abandoned is set when even reading fails: the disk stays as it is for the next start.
	abandoned bool
}

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
	if c.abandoned {
		if slices.ContainsFunc(ops, putsItem) {
			return errQueueAbandoned
		}
		return nil // an item without content is handed out and stored by nobody
	}
	err := c.Client.Batch(ctx, slices.Concat(ops, c.overdue)...)
	if err == nil {
		c.overdue = nil
		c.tell(nil)
		return nil
	}
	c.tell(err)
	if item := handedOut(ops); item != nil {
		// The disk need not record that it is in progress: without the record it is sent
		// once more after a crash.
		return c.readAlone(ctx, item)
	}
	for _, op := range ops {
		if op.Type == storage.Delete && !slices.Contains(c.overdue, op) {
			c.overdue = append(c.overdue, op)
		}
	}
	return err
}

func (c *queueClient) readAlone(ctx context.Context, op *storage.Operation) error {
	if err := c.Client.Batch(ctx, op); err != nil {
		c.abandoned = true
		op.Value = nil
		c.broken(fmt.Errorf("%w: %w", errQueueAbandoned, err))
	}
	return nil
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

// handedOut returns the item that a batch reads while it records that the item is in
// progress, nil for other batches.
func handedOut(ops []*storage.Operation) *storage.Operation {
	if len(ops) == 2 && ops[0].Type == storage.Set && ops[1].Type == storage.Get {
		return ops[1]
	}
	return nil
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
