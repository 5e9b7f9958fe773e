package book_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
)

// TestFaultyFilesAreRefusedWithPlaceAndKey decodes testdata/bad/*.yaml. Each
// begins with the faults it must be refused for: "# want: LINE: KEY: TEXT",
// where the text may be the beginning alone.
func TestFaultyFilesAreRefusedWithPlaceAndKey(t *testing.T) {
	t.Parallel()
	for _, file := range filesIn(t, "testdata/bad") {
		content, wants := readWants(t, file)
		_, _, err := book.Decode(file, content)
		if assert.Error(t, err, file) {
			compareFaults(t, file, wants, faultsOf(err))
		}
	}
}

// TestOddPricesAreReported does the same for what is only reported.
func TestOddPricesAreReported(t *testing.T) {
	t.Parallel()
	for _, file := range filesIn(t, "testdata/odd") {
		content, wants := readWants(t, file)
		_, warnings, err := book.Decode(file, content)
		require.NoError(t, err)
		compareFaults(t, file, wants, warnings)
	}
}

func filesIn(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(folder + "/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

func readWants(t *testing.T, file string) (content []byte, wants []string) {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	for line := range strings.Lines(string(content)) {
		if want, ok := strings.CutPrefix(line, "# want: "); ok {
			wants = append(wants, strings.TrimSpace(want))
		}
	}
	require.NotEmpty(t, wants, "%s begins with no line \"# want: LINE: KEY: TEXT\"", file)
	return content, wants
}

func faultsOf(err error) (list []*book.Fault) {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		for _, e := range joined.Unwrap() {
			list = append(list, faultsOf(e)...)
		}
		return list
	}
	var fault *book.Fault
	if errors.As(err, &fault) {
		list = append(list, fault)
	}
	return list
}

// compareFaults asks for exactly the wanted faults, in any order.
func compareFaults(t *testing.T, file string, wants []string, faults []*book.Fault) {
	t.Helper()
	found := make([]string, len(faults))
	for i, f := range faults {
		assert.Equal(t, file, f.File)
		found[i] = fmt.Sprintf("%d: %s: %s", f.Line, f.Key, f.Text)
		if f.Key == "" {
			found[i] = fmt.Sprintf("%d: %s", f.Line, f.Text)
		}
	}
	report := file + " is refused for:\n  " + strings.Join(found, "\n  ")
	assert.Len(t, found, len(wants), report)
	for _, want := range wants {
		assert.Condition(t, func() bool {
			for _, f := range found {
				if strings.HasPrefix(f, want) {
					return true
				}
			}
			return false
		}, "wanted %q; %s", want, report)
	}
}

func TestFaultSaysFileLineAndKey(t *testing.T) {
	t.Parallel()
	_, _, err := book.Decode("prices/ours.yaml", []byte("provider: p\nrows:\n  - model: m\n    input: 1\n"))
	assert.EqualError(t, err, "prices/ours.yaml:4: rows[0].input: a price without its unit; write it below one of per_1m_tokens, per_1k_tokens, per_token")
}

func TestFloatNoiseIsDistinguishedFromPrices(t *testing.T) {
	t.Parallel()
	for text, meant := range map[string]string{
		"0.7499999999":            "0.75",
		"0.7499999999999999":      "0.75",
		"0.8000000000000001":      "0.8",
		"3.0000000000000004":      "3",
		"2.9999999999999996":      "3",
		"0.09999999999999999":     "0.1",
		"0.00000024999999999":     "0.00000025",
		"0.000000300000000000004": "0.0000003",
	} {
		got, noisy := book.FloatNoise(decimal.RequireFromString(text))
		assert.True(t, noisy, text)
		assert.Equal(t, meant, got.String(), text)
	}
	for _, text := range []string{"0", "0.75", "2.50", "0.00000015", "1000000", "1999999", "0.3305785124", "0.0999", "21.120000", "0.0028"} {
		_, noisy := book.FloatNoise(decimal.RequireFromString(text))
		assert.False(t, noisy, text)
	}
}

func FuzzDecode(f *testing.F) {
	for _, folder := range []string{"testdata/bad", "testdata/odd", "../books/current", "../books/openai-2024"} {
		files, _ := filepath.Glob(folder + "/*.yaml")
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			if len(content) < 10_000 {
				f.Add(content)
			}
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		files, _, err := book.Decode("fuzz.yaml", content)
		if (err == nil) != (len(files) > 0) {
			t.Fatalf("%d parts with error %v", len(files), err)
		}
	})
}
