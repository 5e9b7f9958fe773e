package archtest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// headful is how many lines of code a package has at most that a person can hold in
// the head, comments included, tests and generated files not.
const headful = 1500

// large are the rooms above that, with how far they may grow and why they are one
// room all the same. Who comes to the limit divides the room, or raises the limit
// and says why here.
var large = map[string]struct {
	lines int
	why   string
}{
	"internal/genai":                 {9600, "half of it are the dialects, a file each that is read by itself; they read through the span reader and it asks them, so a folder of their own would close a circle"},
	"cmd/usagectl/internal/cli":      {9200, "a command is a file and needs no other but the four that doc.go names; folders for each made a private interface between commands of the same flags"},
	"internal/pricing":               {4000, "the book and its lookup, the arithmetic and the explanation of both walk the same unexported rows and plans"},
	"extension/usageapiextension":    {3500, "a component of the collector: configuration, log-in, limits and routes share one request; what answers hold and pages show is elsewhere"},
	"internal/store/write":           {3500, "one transaction: storing, correcting, attributing and parking a batch share its rows and its retries"},
	"internal/pricing/book":          {3000, "one form, read, checked and written; a key of a price file is in all three"},
	"dashboards/internal/boards":     {3000, "a board is a file; they share the snippets of SQL and the looks of panels"},
	"internal/store/read":            {4700, "a question is a file; all are asked through the one door that takes a role on"},
	"tools/pricebook":                {2500, "made for one purpose and read by who keeps prices"},
	"internal/store/upkeep":          {2500, "a command's statements are a file; they share little but the pool"},
	"internal/report":                {2200, "a document of the query API is a file; they share periods, filters and the keys of breakdowns"},
	"internal/bill/explain":          {2000, "one division: what the parts of a difference are depends on one another"},
	"internal/sums":                  {2300, "a level is an entry and all that is made of it; its texts for the migrations, its fold, its slots, its plan and what is kept of single users read the same declaration"},
	"exporter/usagepostgresexporter": {2000, "a component of the collector: two hundred lines of it are the queue's form on disk (decision 0004)"},
}

func TestRoomsFitInAHead(t *testing.T) {
	t.Parallel()
	for _, p := range ourPackages(t) {
		folder, lines := p.folder(), 0
		for _, name := range p.GoFiles {
			content, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(content[:min(len(content), 300)], []byte("// Code generated ")) {
				lines += bytes.Count(content, []byte("\n"))
			}
		}
		room, isLarge := large[folder]
		switch {
		case !isLarge && lines > headful:
			t.Errorf("%s has %d lines, more than the %d that fit in a head: divide it, or say in internal/archtest/size_test.go why it is one room", folder, lines, headful)
		case isLarge && lines > room.lines:
			t.Errorf("%s has %d lines, more than the %d that internal/archtest/size_test.go allows it: divide it, or raise the limit with the reason", folder, lines, room.lines)
		case isLarge && lines <= headful:
			t.Errorf("%s has %d lines: take it out of the large rooms in internal/archtest/size_test.go", folder, lines)
		}
	}
}
