package golden

import "testing"

func TestFirstDifferenceNamesLineAndBothTexts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, got, want string
		line            int
		is, should      string
		same            bool
	}{
		{name: "same", got: "a\nb\n", want: "a\nb\n", same: true},
		{name: "a line differs", got: "a\nx\nc", want: "a\nb\nc", line: 2, is: "x", should: "b"},
		{name: "more than the file", got: "a\nb", want: "a", line: 2, is: "b", should: "(end of text)"},
		{name: "less than the file", got: "a", want: "a\nb", line: 2, is: "(end of text)", should: "b"},
		{name: "only the last line end", got: "a", want: "a\n", line: 2, is: "(end of text)", should: ""},
		{name: "empty file", got: "a", want: "", line: 1, is: "a", should: ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			line, is, should, same := firstDifference(c.got, c.want)
			if line != c.line || is != c.is || should != c.should || same != c.same {
				t.Errorf("got line %d, %q instead of %q, same %t; want line %d, %q instead of %q, same %t",
					line, is, should, same, c.line, c.is, c.should, c.same)
			}
		})
	}
}

func TestUpdatingIsRefusedInCI(t *testing.T) {
	t.Setenv("CI", "true")
	t.Setenv(UpdateVariable, "1")
	inner := &recorder{TB: t}
	func() {
		defer func() { _ = recover() }()
		Updating(inner)
	}()
	if !inner.failed {
		t.Error("golden files could be rewritten in CI")
	}
}

// recorder is a test that notes that it failed instead of failing.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(string, ...any) {
	r.failed = true
	panic("stop")
}
