package bill_test

import (
	"testing"

	"github.com/otelcol-usage/otelcol-usage/internal/bill"
	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
)

func TestEqualRowsHaveDigestsOfTheirOwn(t *testing.T) {
	t.Parallel()
	l, same := bill.Line{Provider: catalog.OpenAI, Raw: []byte(`{}`)}, bill.Line{Provider: catalog.OpenAI, Raw: []byte(`{}`)}
	if l.Digest(0) == l.Digest(1) || l.Digest(0) != same.Digest(0) {
		t.Error("the copy is not part of the digest, or something else is")
	}
}
