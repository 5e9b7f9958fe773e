package usagepostgresexporter

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestTheAgeOfTheQueueIsThatOfItsOldestBatch(t *testing.T) {
	t.Parallel()
	var w waiting
	assert.Zero(t, w.age(noon, 0))
	old, young := newRequest(texts(0, 1), noon.Add(-time.Hour)), newRequest(texts(1, 2), noon.Add(-time.Minute))
	w.begin(old, noon)
	w.begin(young, noon)
	w.begin(old, noon.Add(5*time.Second)) // the next try
	assert.Equal(t, time.Hour+10*time.Second, w.age(noon.Add(10*time.Second), 0))
	w.end(old)
	assert.Equal(t, 70*time.Second, w.age(noon.Add(10*time.Second), 0))
	assert.Zero(t, w.age(noon.Add(10*time.Second), 9*time.Second), "it was given up")
}
