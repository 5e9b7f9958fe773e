package pgserver

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// More than one block, so that a process that needs a second one is seen too.
const manyPorts = 150

func TestFreePortsDifferAndNoConnectionTakesThem(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for range manyPorts {
		port, err := FreePort()
		require.NoError(t, err)
		assert.False(t, seen[port], "given twice: %d", port)
		assert.Less(t, port, 32768, "connections are given ports from here on")
		seen[port] = true
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		require.NoError(t, err)
		require.NoError(t, l.Close())
	}
}

// Two processes that ask at the same time are given different ports, though
// neither listens on its own yet.
func TestFreePortsOfTwoProcessesDiffer(t *testing.T) {
	t.Parallel()
	if os.Getenv("PRINT_FREE_PORTS") != "" {
		for range manyPorts {
			port, err := FreePort()
			require.NoError(t, err)
			fmt.Println("port", port)
		}
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	seen := map[int]int{}
	for process := range 2 {
		command := exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0], "-test.run=^"+t.Name()+"$")
		command.Env = append(os.Environ(), "PRINT_FREE_PORTS=1")
		stdin, err := command.StdinPipe()
		require.NoError(t, err)
		stdout, err := command.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, command.Start())
		t.Cleanup(func() {
			_ = stdin.Close()
			_, _ = io.Copy(io.Discard, stdout)
			assert.NoError(t, command.Wait())
		})
		for lines := bufio.NewScanner(stdout); len(seen) < (process+1)*manyPorts; {
			require.True(t, lines.Scan(), "the process ended early")
			var port int
			if _, err := fmt.Sscanf(lines.Text(), "port %d", &port); err != nil {
				continue
			}
			owner, twice := seen[port]
			require.False(t, twice, "port %d was given to process %d and to process %d", port, owner, process)
			seen[port] = process
		}
	}
}
