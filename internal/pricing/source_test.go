package pricing_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const priceOf1 = "provider: p\nrows: [{model: m, per_token: {input: 1}}]\n"

// observed collects what a source reports.
type observed struct {
	mu       sync.Mutex
	reloaded []string
	failed   []string
}

func (o *observed) options() pricing.SourceOptions {
	return pricing.SourceOptions{
		Reloaded: func(b *pricing.Book) { o.mu.Lock(); o.reloaded = append(o.reloaded, b.Version()); o.mu.Unlock() },
		Failed:   func(err error) { o.mu.Lock(); o.failed = append(o.failed, err.Error()); o.mu.Unlock() },
		Settle:   time.Millisecond,
	}
}

func (o *observed) counts() (reloaded, failed int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.reloaded), len(o.failed)
}

func costOf(s *pricing.Source) string {
	c := pricing.Call{Provider: "p", Model: "m", At: at, Quantities: usage.Quantities{usage.InputTextTokens: 1}}
	return s.Current().Price(&c).Cost.String()
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	require.Eventually(t, is, time.Minute, 5*time.Millisecond, what)
}

func TestSourceTakesOverAChangedFile(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string]func(t *testing.T, file, content string){
		"written in place": func(t *testing.T, file, content string) {
			require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		},
		"renamed onto, as editors do": func(t *testing.T, file, content string) {
			require.NoError(t, os.WriteFile(file+"~", []byte(content), 0o600))
			require.NoError(t, os.Rename(file+"~", file))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "ours.yaml")
			require.NoError(t, os.WriteFile(file, []byte(priceOf1), 0o600))
			var o observed
			s, err := pricing.NewSource(pricing.Config{Builtin: "none", Files: []string{file}}, o.options())
			require.NoError(t, err)
			s.Start()
			defer s.Close()
			before := s.Current().Version()
			assert.Equal(t, "1", costOf(s))

			replace(t, file, "provider: p\nrows: [{model: m, per_token: {input: 2}}]\n")
			eventually(t, "the new price", func() bool { return costOf(s) == "2" })
			assert.NotEqual(t, before, s.Current().Version())
		})
	}
}

// TestSourceFollowsAMountedVolume swaps the link that Kubernetes swaps when a
// ConfigMap changes: the file itself is never touched.
func TestSourceFollowsAMountedVolume(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write := func(name, content string) {
		require.NoError(t, os.Mkdir(filepath.Join(folder, name), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(folder, name, "ours.yaml"), []byte(content), 0o600))
	}
	write("v1", priceOf1)
	require.NoError(t, os.Symlink("v1", filepath.Join(folder, "..data")))
	require.NoError(t, os.Symlink(filepath.Join("..data", "ours.yaml"), filepath.Join(folder, "ours.yaml")))
	var o observed
	s, err := pricing.NewSource(pricing.Config{Builtin: "none", Files: []string{filepath.Join(folder, "ours.yaml")}}, o.options())
	require.NoError(t, err)
	s.Start()
	defer s.Close()

	write("v2", "provider: p\nrows: [{model: m, per_token: {input: 3}}]\n")
	require.NoError(t, os.Symlink("v2", filepath.Join(folder, "..new")))
	require.NoError(t, os.Rename(filepath.Join(folder, "..new"), filepath.Join(folder, "..data")))
	eventually(t, "the new price", func() bool { return costOf(s) == "3" })
}

func TestSourceKeepsTheLastGoodBook(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ours.yaml")
	require.NoError(t, os.WriteFile(file, []byte(priceOf1), 0o600))
	var o observed
	s, err := pricing.NewSource(pricing.Config{Builtin: "none", Files: []string{file}}, o.options())
	require.NoError(t, err)
	version, loadedAt := s.Current().Version(), s.LoadedAt()
	assert.False(t, s.Reload(), "nothing changed")

	require.NoError(t, os.WriteFile(file, []byte("provider: p\nrows: [{model: m, input: 2}]\n"), 0o600))
	assert.False(t, s.Reload())
	assert.False(t, s.Reload(), "the same fault is reported once")
	assert.Equal(t, "1", costOf(s))
	assert.Equal(t, version, s.Current().Version())
	assert.Equal(t, loadedAt, s.LoadedAt())
	reloaded, failed := o.counts()
	assert.Zero(t, reloaded)
	assert.Equal(t, 1, failed)
	assert.Contains(t, o.failed[0], file+":2: rows[0].input: a price without its unit")

	require.NoError(t, os.Remove(file))
	assert.False(t, s.Reload())
	assert.Equal(t, "1", costOf(s), "a file that is gone takes no price with it")

	require.NoError(t, os.WriteFile(file, []byte(priceOf1+"# corrected\n"), 0o600))
	assert.True(t, s.Reload())
	assert.NotEqual(t, version, s.Current().Version(), "the version is of the content")
	reloaded, failed = o.counts()
	assert.Equal(t, 1, reloaded)
	assert.Equal(t, 2, failed)
}

func TestSourcePollsWhereNothingIsReported(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ours.yaml")
	require.NoError(t, os.WriteFile(file, []byte(priceOf1), 0o600))
	var o observed
	options := o.options()
	options.Poll = 5 * time.Millisecond
	s, err := pricing.NewSource(pricing.Config{Builtin: "none", Files: []string{file}}, options)
	require.NoError(t, err)
	s.Start()
	defer s.Close()
	require.NoError(t, os.WriteFile(file, []byte("provider: p\nrows: [{model: m, per_token: {input: 4}}]\n"), 0o600))
	eventually(t, "the new price", func() bool { return costOf(s) == "4" })
}

// TestSourceWaitsForTheRestOfAFile: a writer that pauses within a number has written
// a price that is valid and wrong.
func TestSourceWaitsForTheRestOfAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ours.yaml")
	require.NoError(t, os.WriteFile(path, []byte("provider: p\nrows: [{model: m, per_token: {input: 9}}]\n"), 0o600))
	var o observed
	options := o.options()
	options.Settle, options.Poll = 5*time.Second, 20*time.Millisecond
	s, err := pricing.NewSource(pricing.Config{Builtin: "none", Files: []string{path}}, options)
	require.NoError(t, err)
	s.Start()
	defer s.Close()
	file, err := os.Create(path)
	require.NoError(t, err)
	defer file.Close()
	for _, piece := range []string{"provider: p\nrows:\n  - model: m\n    per_token:\n      input: 1", "2", "3\n"} {
		assert.Equal(t, "9", costOf(s))
		_, err = file.WriteString(piece)
		require.NoError(t, err)
		time.Sleep(50 * time.Millisecond) // far less than what the source waits for
	}
	eventually(t, "the whole price", func() bool { return costOf(s) == "123" })
	reloaded, failed := o.counts()
	assert.Equal(t, 1, reloaded)
	assert.Zero(t, failed)
}

func TestSourceIsUsedWhileItReloads(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ours.yaml")
	require.NoError(t, os.WriteFile(file, []byte(priceOf1), 0o600))
	var o observed
	s, err := pricing.NewSource(pricing.Config{Builtin: "none", Files: []string{file}}, o.options())
	require.NoError(t, err)
	var users sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		users.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if cost := costOf(s); cost != "1" && cost != "2" {
						t.Errorf("cost %s", cost)
					}
				}
			}
		})
	}
	for i := range 50 {
		content := priceOf1
		if i%2 == 0 {
			content = "provider: p\nrows: [{model: m, per_token: {input: 2}}]\n"
		}
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		assert.True(t, s.Reload())
	}
	close(stop)
	users.Wait()
}

// TestAFaultOfOursKeepsTheLastGoodBook: what a changed price file makes panic does not
// end the process.
func TestAFaultOfOursKeepsTheLastGoodBook(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "prices.yaml")
	require.NoError(t, os.WriteFile(file, []byte(priceOf1), 0o600))
	var o observed
	s, err := pricing.NewSource(pricing.Config{Builtin: "none", Files: []string{file}}, o.options())
	require.NoError(t, err)
	book := s.Current()
	require.NoError(t, os.WriteFile(file, []byte(priceOf1+"# changed\n"), 0o600))
	s.Panic()
	assert.False(t, s.Reload())
	assert.Same(t, book, s.Current())
	require.Len(t, o.failed, 1)
	assert.Contains(t, o.failed[0], "a fault in this build")
}
