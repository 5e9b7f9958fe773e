package e2e

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
)

// An attack is a table of attempts to do what nobody may do. Each attempt is
// counted, and one that succeeds is printed with how to repeat it. In continuous
// integration each table is tried once and mutations are few; `make attack` runs
// the same tests with ATTACK=1, tries longer, and ends with one line of the count.

// attacking reports whether this is `make attack`.
func attacking() bool { return os.Getenv("ATTACK") == "1" }

// rounds is how many mutations a test tries.
func rounds(always, whenAttacking int) int {
	if attacking() {
		return whenAttacking
	}
	return always
}

// tally counts the attempts of this process.
var tally struct {
	tried  atomic.Int64
	mu     sync.Mutex
	broken []string
}

// attempt counts one attempt; err says why it did not hold, and repeat what to do
// to see it again.
func attempt(t testing.TB, repeat string, err error) {
	t.Helper()
	tally.tried.Add(1)
	if err == nil {
		return
	}
	t.Errorf("broken: %v\n  to repeat: %s", err, repeat)
	tally.mu.Lock()
	defer tally.mu.Unlock()
	tally.broken = append(tally.broken, fmt.Sprintf("broken: %s: %v\n  to repeat: %s", t.Name(), err, repeat))
}

// tell prints the count as the last lines of `make attack`. A test that failed
// before it could try is broken too.
func tell(status int) {
	for _, line := range tally.broken {
		fmt.Println(line)
	}
	broken := len(tally.broken)
	if status != 0 && broken == 0 {
		broken = 1
	}
	fmt.Printf("tried %d, broken %d\n", tally.tried.Load(), broken)
}
