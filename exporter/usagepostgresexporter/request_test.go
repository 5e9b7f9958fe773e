package usagepostgresexporter

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exporterhelper/xexporterhelper"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

func sumPoints(m metricdata.Metrics) []int64 {
	var values []int64
	if sum, ok := m.Data.(metricdata.Sum[int64]); ok {
		for _, p := range sum.DataPoints {
			values = append(values, p.Value)
		}
	}
	return values
}

func migrate(t *testing.T, db *pgtest.DB) {
	t.Helper()
	_, err := dbmigrate.New().Up(t.Context(), db.Pool)
	require.NoError(t, err)
}

// noon is when the requests of these tests were accepted.
var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

func texts(from, to int) []string {
	var list []string
	for n := from; n < to; n++ {
		list = append(list, fmt.Sprintf("record %d", n))
	}
	return list
}

func collect(parts []xexporterhelper.Request) (all []string, sizes []int) {
	for _, p := range parts {
		all = append(all, p.(*request).records...)
		sizes = append(sizes, p.ItemsCount())
	}
	return all, sizes
}

func TestRequestsMergeAndSplitWithoutLosingARecord(t *testing.T) {
	t.Parallel()
	a, b := newRequest(texts(0, 7), noon), newRequest(texts(7, 25), noon)
	parts, err := a.MergeSplit(t.Context(), 10, exporterhelper.RequestSizerTypeItems, b)
	require.NoError(t, err)
	all, sizes := collect(parts)
	assert.Equal(t, texts(0, 25), all, "in their order: the queue acknowledges by it")
	assert.Equal(t, []int{10, 10, 5}, sizes)

	parts, err = newRequest(texts(0, 25), noon).MergeSplit(t.Context(), 100, exporterhelper.RequestSizerTypeBytes, nil)
	require.NoError(t, err)
	all, _ = collect(parts)
	assert.Equal(t, texts(0, 25), all)
	for _, p := range parts {
		assert.LessOrEqual(t, p.BytesSize(), 100)
	}

	parts, err = newRequest(texts(0, 3), noon).MergeSplit(t.Context(), 0, exporterhelper.RequestSizerTypeItems, newRequest(texts(3, 4), noon))
	require.NoError(t, err)
	assert.Len(t, parts, 1)

	large := newRequest([]string{"a", strings.Repeat("x", 1000), "b"}, noon)
	parts, err = large.MergeSplit(t.Context(), 50, exporterhelper.RequestSizerTypeBytes, nil)
	require.NoError(t, err)
	all, sizes = collect(parts)
	assert.Equal(t, large.records, all, "a record larger than a batch is a batch")
	assert.Equal(t, []int{1, 1, 1}, sizes)
}

func TestAPartWaitsSinceItsFirstRecordWasAccepted(t *testing.T) {
	t.Parallel()
	later := noon.Add(time.Minute)
	parts, err := newRequest(texts(0, 7), noon).MergeSplit(t.Context(), 10, exporterhelper.RequestSizerTypeItems, newRequest(texts(7, 25), later))
	require.NoError(t, err)
	var since []time.Time
	for _, p := range parts {
		since = append(since, p.(*request).since)
	}
	assert.Equal(t, []time.Time{noon, later, later}, since, "what is left over must not stay as old as what it was once next to")
	parts, err = newRequest(texts(0, 7), noon).MergeSplit(t.Context(), 10, exporterhelper.RequestSizerTypeItems, newRequest(texts(7, 8), later))
	require.NoError(t, err)
	assert.Equal(t, noon, parts[0].(*request).since)
}

func TestAPartThatGrowsDoesNotWriteIntoItsNeighbour(t *testing.T) {
	t.Parallel()
	parts, err := newRequest(texts(0, 10), noon).MergeSplit(t.Context(), 5, exporterhelper.RequestSizerTypeItems, nil)
	require.NoError(t, err)
	_, err = parts[0].MergeSplit(t.Context(), 0, exporterhelper.RequestSizerTypeItems, newRequest(texts(90, 93), noon))
	require.NoError(t, err)
	assert.Equal(t, texts(5, 10), parts[1].(*request).records)
}

func TestOnlyOurRequestsAreMergedAndOnlyByItemsOrBytes(t *testing.T) {
	t.Parallel()
	_, err := newRequest(nil, noon).MergeSplit(t.Context(), 5, exporterhelper.RequestSizerTypeRequests, nil)
	require.Error(t, err)
	_, err = encoding{}.Marshal(t.Context(), nil)
	require.ErrorIs(t, err, errForeignRequest)
}

func FuzzARequestReadsBackFromTheQueue(f *testing.F) {
	good, err := encoding{}.Marshal(context.Background(), newRequest([]string{"one", "", strings.Repeat("x", 300)}, noon))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte{})
	f.Add([]byte{1, 1, 'x'})
	f.Add([]byte{2, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		lost := 0
		e := encoding{lost: func(_ context.Context, reason string, n int) {
			assert.Equal(t, reasonQueue, reason)
			lost += n
		}}
		_, r, err := e.Unmarshal(data)
		require.NoError(t, err, "an error would make the queue drop the request without a word")
		first := r.(*request)
		again, err := e.Marshal(t.Context(), first)
		require.NoError(t, err)
		require.LessOrEqual(t, len(again), headBytes+first.BytesSize())
		before := lost
		_, r, err = e.Unmarshal(again)
		require.NoError(t, err)
		require.Equal(t, before, lost)
		require.True(t, slices.Equal(first.records, r.(*request).records))
		require.True(t, first.since.Equal(r.(*request).since))
		if lost == 0 && len(data) > 0 {
			// Lengths have more than one spelling, but never lose a record.
			require.LessOrEqual(t, len(again), len(data))
		}
	})
}
