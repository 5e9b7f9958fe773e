package collectorproc_test

import (
	"bytes"
	"net"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/collectorproc"
	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
)

// TestMain lets this binary stand in for a collector.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "--config" {
		pretend(os.Args[2], os.Args[3])
	}
	os.Exit(m.Run())
}

// pretend listens on an address, and ends on SIGTERM unless it is stubborn.
func pretend(config, mode string) {
	os.Stdout.WriteString("config " + config + ", address " + os.Getenv("TEST_ADDRESS") + "\n")
	if mode == "broken" {
		os.Exit(3)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	l, err := net.Listen("tcp", os.Getenv("TEST_ADDRESS"))
	if err != nil {
		panic(err)
	}
	defer l.Close()
	for range stop {
		if mode == "orderly" {
			os.Exit(0)
		}
	}
}

func start(t *testing.T, mode string) (p *collectorproc.Process, address string, log *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	address, err = pgserver.FreeAddress()
	require.NoError(t, err)
	log = &bytes.Buffer{}
	p, err = collectorproc.Start(collectorproc.Options{
		Binary: self, Configs: []string{"a.yaml"}, Args: []string{mode}, Env: []string{"TEST_ADDRESS=" + address}, Log: log,
	})
	require.NoError(t, err)
	t.Cleanup(p.Kill)
	return p, address, log
}

func TestAnOrderlyCollectorIsWaitedForAndEndsByItself(t *testing.T) {
	t.Parallel()
	p, address, log := start(t, "orderly")
	require.NoError(t, p.WaitAccepting(t.Context(), address))
	require.NoError(t, p.Ended())
	assert.True(t, p.Stop(time.Minute))
	assert.True(t, p.Stop(time.Second), "twice is fine")
	require.ErrorIs(t, p.Ended(), collectorproc.ErrEnded)
	assert.Equal(t, "config a.yaml, address "+address+"\n", log.String())
}

func TestAStubbornCollectorIsKilled(t *testing.T) {
	t.Parallel()
	p, address, _ := start(t, "stubborn")
	require.NoError(t, p.WaitAccepting(t.Context(), address))
	assert.False(t, p.Stop(50*time.Millisecond))
	require.ErrorContains(t, p.Ended(), "signal: killed")
}

func TestACollectorThatEndsAtItsStartIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	p, address, _ := start(t, "broken")
	began := time.Now()
	require.ErrorContains(t, p.WaitAccepting(t.Context(), address), "exit status 3")
	assert.Less(t, time.Since(began), 30*time.Second)
	_, err := collectorproc.Start(collectorproc.Options{Binary: "/no/such/collector"})
	require.ErrorContains(t, err, "start the collector")
}
