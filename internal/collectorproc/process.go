// Package collectorproc runs the built collector as a process of its own, for the
// demo, the benches, the chaos run and the end-to-end tests.
//
// It owns the start, the wait until the collector accepts connections, and its
// end; it does not own configurations, nor what is sent and asked.
package collectorproc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Options of a collector.
type Options struct {
	Binary string
	// Configs are its configuration files, later ones over earlier ones.
	Configs []string
	// Args are further arguments.
	Args []string
	// Env is added to the environment of this process.
	Env []string
	// Log takes what it prints.
	Log io.Writer
	// OwnGroup keeps a terminal's Ctrl-C from the collector, so that it ends
	// in its turn.
	OwnGroup bool
}

// Process is a collector that was started.
type Process struct {
	cmd    *exec.Cmd
	exited chan struct{}
	err    error // set when exited is closed
}

// Start starts a collector and does not wait for it. It has to be ended by
// [Process.Stop] or [Process.Kill].
func Start(o Options) (*Process, error) {
	var args []string
	for _, file := range o.Configs {
		args = append(args, "--config", file)
	}
	// Not CommandContext: whoever gives up must still let it write what it holds.
	cmd := exec.Command(o.Binary, append(args, o.Args...)...) //nolint:gosec,noctx // the program that we built
	cmd.Env = append(os.Environ(), o.Env...)
	cmd.Stdout, cmd.Stderr = o.Log, o.Log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: o.OwnGroup}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the collector: %w", err)
	}
	p := &Process{cmd: cmd, exited: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// PID is its process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Exited is closed when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// ErrEnded is a collector that ended although nobody asked it to.
var ErrEnded = errors.New("the collector ended")

// Ended is nil while the process runs, and says how it ended afterwards.
func (p *Process) Ended() error {
	select {
	case <-p.exited:
	default:
		return nil
	}
	if p.err == nil {
		return fmt.Errorf("%w with status 0", ErrEnded)
	}
	return fmt.Errorf("%w: %w", ErrEnded, p.err)
}

// startTimeout bounds the start of a collector.
const startTimeout = 30 * time.Second

// WaitAccepting returns when the collector accepts connections at all addresses.
// It fails when the collector ends or half a minute passes before.
func (p *Process) WaitAccepting(ctx context.Context, addresses ...string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for _, address := range addresses {
		if err := p.waitAccepting(ctx, address); err != nil {
			return err
		}
	}
	return nil
}

func (p *Process) waitAccepting(ctx context.Context, address string) error {
	for {
		conn, err := net.Dial("tcp", address) //nolint:noctx // answers or refuses at once
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.exited:
			return p.Ended()
		case <-ctx.Done():
			return fmt.Errorf("the collector does not accept connections: %w (%w)", ctx.Err(), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop lets the collector write what it holds and waits for its end. Where that
// takes longer than patience it is killed, and the answer is false.
func (p *Process) Stop(patience time.Duration) (byItself bool) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.exited:
		return true
	case <-time.After(patience):
		p.Kill()
		return false
	}
}

// Kill ends it as a crash does.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.exited
}
