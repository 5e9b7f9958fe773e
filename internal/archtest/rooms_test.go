package archtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// room says what the code of one folder may import of our own code, and what
// its tests may import beside that. The room "x/..." is x and all below it; its
// folders may import one another.
type room struct {
	uses  []string
	tests []string
}

// rooms is the table of layers: the folder, and the folders it may import. What
// is not in it does not exist: enter a new folder with the packages it may
// import, and ask for each of them whether the arrow points downwards.
var rooms = map[string]room{
	// Which build is running.
	"internal/build": {},

	// The words everybody may use.
	"internal/usage": {},
	// The names of providers and models.
	"internal/catalog": {},
	// A wait that ends with its context.
	"internal/pause": {},
	// Where a key may go.
	"internal/endpoint": {uses: []string{"internal/usage"}},
	// Messages to one address.
	"internal/webhook": {uses: []string{"internal/endpoint", "internal/pause", "internal/usage"}},

	// One decision each, of pure functions.
	"internal/once":      {uses: []string{"internal/usage"}},
	"internal/genai":     {uses: []string{"internal/usage", "internal/catalog", "internal/once"}, tests: []string{"internal/pricing"}},
	"internal/pricing":   {uses: []string{"internal/fault", "internal/usage", "internal/catalog", "internal/pricing/book", "internal/pricing/foreign"}},
	"internal/recorder":  {uses: []string{"internal/genai", "internal/pricing", "internal/usage"}},
	"internal/usageattr": {uses: []string{"internal/usage"}},
	"internal/payer":     {uses: []string{"internal/usage"}},
	"internal/access":    {uses: []string{"internal/usage"}},
	// The provider's bill: its reports, and why it differs from the rows.
	"internal/bill":         {uses: []string{"internal/usage"}, tests: []string{"internal/catalog"}},
	"internal/bill/reports": {uses: []string{"internal/bill", "internal/usage", "internal/catalog"}},
	"internal/bill/explain": {uses: []string{"internal/bill", "internal/usage", "internal/catalog"}},
	"internal/bill/fetch":   {uses: []string{"internal/bill", "internal/bill/reports", "internal/pause", "internal/catalog"}, tests: []string{"e2e/mockprovider"}},
	// Charging one's own customers.
	"internal/metering":           {uses: []string{"internal/endpoint", "internal/usage"}},
	"internal/metering/post":      {uses: []string{"internal/metering", "internal/usage"}},
	"internal/metering/openmeter": {uses: []string{"internal/metering", "internal/metering/post"}},
	"internal/metering/lago":      {uses: []string{"internal/metering", "internal/metering/post"}},
	"internal/metering/stripe":    {uses: []string{"internal/metering", "internal/metering/post"}},
	"internal/metering/engines": {
		uses:  []string{"internal/metering", "internal/metering/lago", "internal/metering/openmeter", "internal/metering/post", "internal/metering/stripe"},
		tests: []string{"e2e/mockengine", "internal/usage"},
	},

	// The form of price files, and of those of other projects.
	"internal/pricing/book":    {uses: []string{"internal/usage", "internal/catalog"}},
	"internal/pricing/foreign": {uses: []string{"internal/catalog", "internal/pricing/book"}},
	// Which price to believe when several sources speak.
	"internal/pricing/consensus": {uses: []string{"internal/pricing/book"}},
	// Newer public prices, without a release.
	"internal/pricing/update": {
		uses: []string{
			"internal/catalog", "internal/pricing", "internal/pricing/book", "internal/pricing/consensus", "internal/pricing/foreign", "internal/usage",
		},
	},

	// The database.
	"migrations":         {},
	"internal/dbmigrate": {uses: []string{"internal/build", "migrations"}},
	"internal/sums":      {uses: []string{"internal/usage"}},
	"internal/store":     {uses: []string{"internal/usage"}, tests: []string{"internal/bill", "internal/dbmigrate", "internal/once", "internal/sums", "internal/store/plan", "internal/store/write", "internal/store/read", "internal/store/upkeep"}},
	// Its rooms, which do not import one another.
	"internal/store/write":   {uses: []string{"internal/catalog", "internal/once", "internal/pause", "internal/store", "internal/sums", "internal/usage"}},
	"internal/store/read":    {uses: []string{"internal/bill", "internal/outlook", "internal/store", "internal/sums", "internal/teams", "internal/usage"}},
	"internal/store/upkeep":  {uses: []string{"internal/bill", "internal/bill/explain", "internal/outlook", "internal/pause", "internal/store", "internal/sums", "internal/usage"}},
	"internal/store/plan":    {uses: []string{"internal/pause", "internal/payer", "internal/store", "internal/sums", "internal/usage"}},
	"internal/store/outbox":  {uses: []string{"internal/metering", "internal/pause", "internal/store", "internal/usage"}, tests: []string{"internal/dbmigrate"}},
	"internal/store/team":    {uses: []string{"internal/sums", "internal/teams", "internal/usage"}},
	"internal/store/budgets": {uses: []string{"internal/usage"}},
	// What comes next: arithmetic over sums.
	"internal/outlook":         {uses: []string{"internal/usage"}},
	"internal/outlook/savings": {uses: []string{"internal/catalog", "internal/outlook", "internal/pricing", "internal/usage"}},
	// Questions and answers about what is stored.
	"internal/report":          {uses: []string{"internal/outlook", "internal/store/read", "internal/usage"}},
	"internal/report/showback": {uses: []string{"internal/store/read", "internal/teams", "internal/usage"}, tests: []string{"internal/store/upkeep"}},
	// Who was in which team, and which cost centre, when.
	"internal/teams": {uses: []string{"internal/usage"}},

	// The dashboard as HTML.
	"internal/page":      {uses: []string{"internal/bill/explain", "internal/outlook", "internal/page/show", "internal/report", "internal/store/read", "internal/usage"}},
	"internal/page/show": {uses: []string{"internal/outlook", "internal/report", "internal/usage"}},

	// Log lines of which every one counts, and durations without their unit.
	"internal/unsampled": {},
	// A panic that ends nothing.
	"internal/fault":     {},
	"internal/durations": {},
	"internal/trim":      {},

	// The components; they never import one another.
	"processor/genaiusageprocessor": {
		uses: []string{"internal/fault", "internal/unsampled", "internal/genai", "internal/pricing", "internal/recorder", "internal/trim", "internal/usageattr", "internal/usage"},
	},
	"exporter/usagepostgresexporter": {
		uses: []string{"internal/durations", "internal/fault", "internal/usageattr", "internal/store", "internal/store/write", "internal/store/upkeep", "internal/dbmigrate", "internal/usage"},
	},
	"extension/usageapiextension": {
		uses:  []string{"internal/build", "internal/durations", "internal/unsampled", "internal/bill/explain", "internal/store", "internal/store/read", "internal/access", "internal/page", "internal/report", "internal/usage"},
		tests: []string{"internal/dbmigrate", "internal/outlook"},
	},

	// Programs and files for people.
	"cmd/usagectl/...": {
		uses: []string{
			"dashboards", "examples", "internal/build", "internal/bill", "internal/bill/explain", "internal/bill/fetch", "internal/bill/reports", "internal/catalog", "internal/collectorproc", "internal/dbmigrate", "internal/endpoint", "internal/genai", "internal/metering", "internal/metering/engines", "internal/outlook", "internal/outlook/savings", "internal/pgserver", "internal/pricing", "internal/pricing/book",
			"internal/pricing/foreign", "internal/pricing/update", "internal/recorder", "internal/replay", "internal/report", "internal/report/showback",
			"internal/store", "internal/store/budgets", "internal/store/outbox", "internal/store/plan", "internal/store/read", "internal/store/team", "internal/store/upkeep", "internal/store/write", "internal/teams", "internal/usage", "internal/usageattr", "internal/webhook",
		},
		tests: []string{"e2e/mockengine"},
	},
	"dashboards/...":       {tests: []string{"internal/dbmigrate"}},
	"examples":             {},
	"tools/benchprocessor": {uses: []string{"processor/genaiusageprocessor"}},
	"tools/...": {uses: []string{
		"examples", "internal/catalog", "internal/collectorproc", "internal/dbmigrate", "internal/pause", "internal/pglab", "internal/pgserver",
		"internal/pricing/book", "internal/pricing/consensus", "internal/pricing/foreign", "internal/report", "internal/store", "internal/store/read", "internal/store/upkeep", "internal/store/write", "internal/usage",
	}},

	// For tests and the demo alone.
	"internal/replay":        {},
	"internal/pgserver":      {},
	"internal/pglab":         {uses: []string{"internal/pgserver"}},
	"internal/collectorproc": {},
	"internal/pgtest":        {uses: []string{"internal/pgserver", "internal/pglab", "internal/dbmigrate", "migrations"}},
	"internal/golden":        {},
	"internal/archtest":      {tests: slices.Concat(components, []string{"internal/usage", "internal/catalog"})},
	"e2e": {tests: slices.Concat(components, []string{
		"e2e/mockprovider", "internal/collectorproc", "internal/dbmigrate", "internal/pricing", "internal/replay", "internal/store/upkeep", "internal/usage",
	})},
	// Answers as providers do, for tests alone.
	"e2e/mockprovider": {},
	"e2e/mockengine":   {},
}

// testHelpers may be imported by every test.
var testHelpers = []string{"internal/golden", "internal/pgtest", "internal/pgserver"}

// limit keeps an external package to the rooms that own the matter.
type limit struct {
	prefix  string   // import path or the folder above it
	rooms   []string // who may import it, in code that is not a test
	because string
}

var limits = []limit{
	{
		prefix:  "github.com/jackc/pgx/v5",
		rooms:   []string{"internal/store", "internal/dbmigrate", "internal/pgtest", "internal/pgserver", "internal/pglab", "exporter/usagepostgresexporter", "extension/usageapiextension", "cmd/usagectl", "tools"},
		because: "statements stand in internal/store; others only hand a pool on",
	},
	{
		prefix:  "database/sql",
		rooms:   []string{"internal/pgtest"}, // to print what implements driver.Valuer
		because: "the database is spoken to by pgx",
	},
	{
		prefix:  "go.opentelemetry.io/collector/pdata",
		rooms:   []string{"internal/genai", "internal/usageattr", "internal/replay", "processor/genaiusageprocessor", "exporter/usagepostgresexporter", "cmd/usagectl", "tools/benche2e", "tools/benchprocessor", "tools/chaos"},
		because: "telemetry ends at the exporter: what is stored and asked is a usage.Record",
	},
	{
		prefix:  "net/http",
		rooms:   []string{"extension/usageapiextension", "internal/pgserver", "cmd/usagectl", "internal/bill/fetch", "internal/metering/engines", "internal/metering/lago", "internal/metering/openmeter", "internal/metering/post", "internal/metering/stripe", "internal/pricing/update", "internal/webhook", "e2e/mockengine", "e2e/mockprovider", "tools/benche2e", "tools/benchstart"},
		because: "the network belongs to the extension, to commands and to what fetches newer prices for them",
	},
	{
		prefix:  "github.com/stretchr/testify",
		rooms:   []string{"internal/pgtest"},
		because: "test code must not reach the binaries of users",
	},
	{
		prefix:  "testing",
		rooms:   []string{"internal/pgtest", "internal/golden"},
		because: "test code must not reach the binaries of users",
	},
	{
		prefix:  "log",
		because: "components log through the collector's zap logger",
	},
	{
		prefix:  "unsafe",
		because: "no figure of ours is worth it",
	},
}

// domain may import nothing but the standard library and these.
var domain = map[string][]string{
	"internal/usage":   {"github.com/shopspring/decimal"},
	"internal/catalog": {},
	"internal/access":  {module + "/internal/usage"},
	"migrations":       {},
	"examples":         {},
	"internal/golden":  {},
	"internal/sums":    {module + "/internal/usage"},
}

// unreachable says what must not be in a room's whole graph of dependencies,
// however many packages lie between.
var unreachable = []struct{ room, prefix, because string }{
	{"processor/genaiusageprocessor", "github.com/jackc/pgx", "teams put the processor alone into their own collector"},
	{"processor/genaiusageprocessor", module + "/internal/store", "the processor holds no database"},
	{"exporter/usagepostgresexporter", module + "/internal/genai", "the exporter stores records and never decides what one is"},
	{"exporter/usagepostgresexporter", module + "/internal/pricing", "the exporter stores records and never prices them"},
	{"extension/usageapiextension", module + "/internal/usageattr", "the extension reads the database, not spans"},
	{"cmd/usagectl", module + "/internal/pglab", "what only tests and chaos runs need is not linked into a program of users"},
}

func TestRoomsImportOnlyWhatTheTableAllows(t *testing.T) {
	t.Parallel()
	for _, fault := range layerFaults(ourPackages(t)) {
		t.Error(fault)
	}
}

func TestLayerFaultsAreFound(t *testing.T) {
	t.Parallel()
	own := func(folders ...string) (paths []string) {
		for _, f := range folders {
			paths = append(paths, module+"/"+f)
		}
		return paths
	}
	for _, c := range []struct {
		name string
		p    goPackage
		want string // part of the fault, "" for none
	}{
		{"allowed", goPackage{ImportPath: module + "/internal/genai", Imports: own("internal/usage")}, ""},
		{"own tests", goPackage{ImportPath: module + "/internal/genai", XTestImports: own("internal/genai")}, ""},
		{"test helper in a test", goPackage{ImportPath: module + "/internal/store", TestImports: own("internal/pgtest")}, ""},
		{"own generated package", goPackage{ImportPath: module + "/processor/genaiusageprocessor", Imports: own("processor/genaiusageprocessor/internal/metadata")}, ""},
		{"upwards", goPackage{ImportPath: module + "/internal/usage", Imports: own("internal/pricing")}, "must not import internal/pricing"},
		{"a sister component", goPackage{ImportPath: module + "/exporter/usagepostgresexporter", Imports: own("processor/genaiusageprocessor")}, "must not import processor/genaiusageprocessor"},
		{"a sister component in a test", goPackage{ImportPath: module + "/exporter/usagepostgresexporter", TestImports: own("processor/genaiusageprocessor")}, "the tests of exporter/usagepostgresexporter must not import"},
		{"test helper in the product", goPackage{ImportPath: module + "/internal/store", Imports: own("internal/pgtest")}, "must not import internal/pgtest"},
		{"within a tree", goPackage{ImportPath: module + "/cmd/usagectl", Imports: own("cmd/usagectl/internal/cli")}, ""},
		{"out of a tree", goPackage{ImportPath: module + "/cmd/usagectl/internal/cli", Imports: own("internal/sums")}, "must not import internal/sums"},
		{"into a tree", goPackage{ImportPath: module + "/internal/store", Imports: own("cmd/usagectl/internal/cli")}, "must not import cmd/usagectl"},
		{"unknown folder", goPackage{ImportPath: module + "/internal/util"}, "internal/util is not in the table of rooms"},
		{"database in the processor", goPackage{ImportPath: module + "/processor/genaiusageprocessor", Imports: []string{"github.com/jackc/pgx/v5/pgxpool"}}, "must not import github.com/jackc/pgx/v5/pgxpool"},
		{"database below the processor", goPackage{ImportPath: module + "/processor/genaiusageprocessor", Deps: []string{"github.com/jackc/pgx/v5"}}, "reaches github.com/jackc/pgx/v5"},
		{"telemetry in the extension", goPackage{ImportPath: module + "/extension/usageapiextension", Imports: []string{"go.opentelemetry.io/collector/pdata/ptrace"}}, "must not import go.opentelemetry.io/collector/pdata/ptrace"},
		{"a prefix that is only a beginning", goPackage{ImportPath: module + "/internal/pricing", Imports: []string{"log/slogx"}}, "must not import log/slogx"},
		{"a name that only begins alike", goPackage{ImportPath: module + "/internal/pricing", Imports: []string{"logistics"}}, ""},
		{"more than the domain may", goPackage{ImportPath: module + "/internal/usage", Imports: []string{"go.uber.org/zap"}}, "may import only the standard library"},
		{"testify in the product", goPackage{ImportPath: module + "/internal/pricing", Imports: []string{"github.com/stretchr/testify/require"}}, "must not import github.com/stretchr/testify/require"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			faults := layerFaults([]goPackage{c.p})
			switch {
			case c.want == "" && len(faults) > 0:
				t.Errorf("found faults where there are none: %q", faults)
			case c.want != "" && !slices.ContainsFunc(faults, func(f string) bool { return strings.Contains(f, c.want) }):
				t.Errorf("no fault says %q: %q", c.want, faults)
			}
		})
	}
}

// layerFaults says where packages break the table.
func layerFaults(list []goPackage) []string {
	var faults []string
	report := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	for _, p := range list {
		folder := p.folder()
		if isGenerated(folder) {
			continue
		}
		name, r, known := roomOf(folder)
		if !known {
			report("%s is not in the table of rooms: add it to internal/archtest/rooms_test.go with the packages it may import", folder)
			continue
		}
		for _, imported := range ownFolders(p.Imports) {
			if !slices.Contains(r.uses, imported) && !sameRoom(imported, name) && !isGeneratedOf(imported, folder) {
				report("%s must not import %s; it may import %s", folder, imported, orNothing(r.uses))
			}
		}
		for _, imported := range ownFolders(slices.Concat(p.TestImports, p.XTestImports)) {
			allowed := slices.Concat(r.uses, r.tests, testHelpers, []string{folder})
			if !slices.Contains(allowed, imported) && !sameRoom(imported, name) && !isGeneratedOf(imported, folder) {
				report("the tests of %s must not import %s; they may import %s", folder, imported, orNothing(allowed))
			}
		}
		for _, l := range limits {
			if slices.ContainsFunc(l.rooms, func(room string) bool { return within(folder, room) }) {
				continue
			}
			for _, imported := range p.Imports {
				if within(imported, l.prefix) {
					report("%s must not import %s: %s", folder, imported, l.because)
				}
			}
		}
		if allowed, limited := domain[folder]; limited {
			for _, imported := range p.Imports {
				if isExternal(imported) && !slices.Contains(allowed, imported) {
					report("%s may import only the standard library and %s, found %s", folder, orNothing(allowed), imported)
				}
			}
		}
		for _, u := range unreachable {
			if u.room != folder {
				continue
			}
			for _, dep := range p.Deps {
				if within(dep, u.prefix) {
					report("%s reaches %s through its imports: %s", folder, dep, u.because)
				}
			}
		}
	}
	return faults
}

// roomOf finds the line of the table that a folder belongs to.
func roomOf(folder string) (name string, r room, known bool) {
	if r, known = rooms[folder]; known {
		return folder, r, true
	}
	for name, r := range rooms {
		if sameRoom(folder, name) {
			return name, r, true
		}
	}
	return "", room{}, false
}

// sameRoom reports whether a folder belongs to the room "x/...".
func sameRoom(folder, name string) bool {
	top, isTree := strings.CutSuffix(name, "/...")
	return isTree && within(folder, top)
}

// within reports whether path is folder or lies below it.
func within(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}

// isExternal reports whether a path is not of the standard library: only there
// does the first element have no dot.
func isExternal(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return strings.Contains(first, ".")
}

// isGenerated reports whether mdatagen writes the folder.
func isGenerated(folder string) bool {
	return strings.HasSuffix(folder, "/internal/metadata") || strings.HasSuffix(folder, "/internal/metadatatest")
}

// isGeneratedOf reports whether mdatagen writes the folder for a component.
func isGeneratedOf(folder, component string) bool {
	return isGenerated(folder) && within(folder, component)
}

func ownFolders(imports []string) (folders []string) {
	for _, path := range imports {
		if folder, ours := strings.CutPrefix(path, module+"/"); ours {
			folders = append(folders, folder)
		}
	}
	return folders
}

func orNothing(names []string) string {
	if len(names) == 0 {
		return "nothing of ours"
	}
	return strings.Join(names, ", ")
}

// TestEveryArrowIsUsed keeps the table from allowing what nobody does any more.
func TestEveryArrowIsUsed(t *testing.T) {
	t.Parallel()
	used := map[string]map[string]bool{}
	for _, p := range ourPackages(t) {
		name, _, _ := roomOf(p.folder())
		if used[name] == nil {
			used[name] = map[string]bool{}
		}
		for _, imported := range ownFolders(slices.Concat(p.Imports, p.TestImports, p.XTestImports)) {
			used[name][imported] = true
		}
	}
	for name, r := range rooms {
		for _, allowed := range slices.Concat(r.uses, r.tests) {
			if !used[name][allowed] {
				t.Errorf("%s may import %s and does not: take it out of the table of rooms", name, allowed)
			}
		}
	}
}
