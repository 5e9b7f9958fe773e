# The targets of the project. `make` alone prints them; CONTRIBUTING.md says which
# one proves what. Everything works as root and as a normal user.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

GO ?= go
# Packages, and further flags of go test: make test PKG=./internal/store TESTFLAGS='-run Batch -v'
PKG ?= ./...
TESTFLAGS ?=
FUZZTIME ?= 30s
BENCH ?= .
ONCE ?=
# Flags of usagectl demo: make demo DEMOFLAGS=--add-to-existing
DEMOFLAGS ?=
# Flags of the program of make bench-store, bench-writers and bench-e2e; BENCHFLAGS=-h lists them.
BENCHFLAGS ?=

# One setting for binaries and tests, so that each package is compiled once.
export CGO_ENABLED ?= 0
# Where git refuses to tell (a clone that belongs to somebody else), go would
# refuse to build; then binaries are built without the commit in them.
vcs := $(shell git rev-parse HEAD >/dev/null 2>&1 || echo -buildvcs=false)
# No paths of this machine in a binary: releases are built so too, and share what is
# compiled with the tests.
export GOFLAGS := $(strip $(GOFLAGS) -trimpath $(vcs))

# What the programs say of themselves, beside the version that make release gives them.
commit := $(shell git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null)
LDFLAGS := -s -w -X github.com/otelcol-usage/otelcol-usage/internal/build.commit=$(commit)

# Turns the package names of `go build -v` into a line now and then: a first
# build compiles some 1,800 packages. Anything else is shown as it is.
progress = awk '/^[a-zA-Z0-9_.\/~-]+$$/ { if (++n % 200 == 0) { print "  " n " packages compiled"; fflush() }; next } { print; fflush() }'

# Finds PostgreSQL's programs, or installs them when root, before several tests
# want to at once. A server that is named needs none.
postgres = [ -n "$${TEST_DATABASE_URL:-$${DATABASE_URL:-}}" ] || echo "PostgreSQL for the tests: $$($(GO) run ./tools/devdb -find)"

.PHONY: help
help: ## print this list
	@printf 'otelcol-usage: make <target>\n\n'
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nVariables: ONCE=1 (demo), PKG=./internal/store TESTFLAGS="-run Name -v" (test, race, cover, golden),\nBENCH=Processor, FUZZTIME=1m, DATABASE_URL=postgres://… (demo and tests use that server).\n'

##@ Run

.PHONY: build
build: ## compile bin/otelcol-usage and bin/usagectl
	@command -v '$(GO)' >/dev/null || { echo "$(GO) is not installed: install Go 1.26 or newer, or name it with GO=/path/to/go" >&2; exit 1; }
	@echo "building bin/otelcol-usage (the first time takes a few minutes)"
	@$(GO) build -C distribution -v -ldflags '$(LDFLAGS)' -o ../bin/otelcol-usage . 2>&1 | $(progress)
	@echo "building bin/usagectl"
	@$(GO) build -v -ldflags '$(LDFLAGS)' -o bin/usagectl ./cmd/usagectl 2>&1 | $(progress)

.PHONY: demo
demo: build ## show the whole system at work on captured telemetry; ONCE=1 ends by itself
	@bin/usagectl demo --collector bin/otelcol-usage $(if $(ONCE),--once) $(DEMOFLAGS)

.PHONY: db
db: ## run a private PostgreSQL with the current schema until Ctrl-C
	@$(GO) build -o bin/devdb ./tools/devdb
	@exec bin/devdb

.PHONY: psql
psql: ## open psql on DATABASE_URL, else on the server of make db
	@dsn="$${DATABASE_URL:-$$(cat .build/db.dsn 2>/dev/null || true)}"; \
	[ -n "$$dsn" ] || { echo 'no database: set DATABASE_URL or run make db in another terminal' >&2; exit 1; }; \
	exec psql "$$dsn"

##@ Prove

.PHONY: test
test: build ## run every test: units, database, the built binary end to end
	@$(postgres)
	@echo "running all tests; the end-to-end tests come last"
	@$(GO) test -C tools/kubernetes ./...
	@packages=$$($(GO) list $(PKG)); OTELCOL_USAGE_BINARY='$(CURDIR)/bin/otelcol-usage' $(GO) test -timeout 20m $(TESTFLAGS) \
		$$(grep -v '/e2e$$' <<<"$$packages" || true) $$(grep '/e2e$$' <<<"$$packages" || true)

.PHONY: e2e-clients
e2e-clients: build ## run real client libraries from npm through the binary; says so and skips without npm
	@$(postgres)
	@E2E_CLIENTS=1 OTELCOL_USAGE_BINARY='$(CURDIR)/bin/otelcol-usage' $(GO) test -count=1 -timeout 20m -v $(or $(TESTFLAGS),-run 'TestRealClients|TestTheREADMEsRoad') ./e2e

.PHONY: e2e-page
e2e-page: build ## look at the dashboard with Chromium and axe-core; root gets Chromium installed, without it says so and skips
	@command -v chromium >/dev/null || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || { apt-get update && apt-get install -y --no-install-recommends chromium fonts-dejavu-core; } >/dev/null
	@$(postgres)
	@E2E_PAGE=1 OTELCOL_USAGE_BINARY='$(CURDIR)/bin/otelcol-usage' $(GO) test -count=1 -timeout 15m -v $(or $(TESTFLAGS),-run TestPageInABrowser) ./e2e

.PHONY: test-citus
test-citus: ## run the tests of store, API and boards on a Citus cluster of their own; says so and skips without the extension
	@$(postgres)
	@TEST_CITUS=1 $(GO) test -count=1 -timeout 40m -parallel 3 -v $(or $(TESTFLAGS),-run '^TestCitus|/^citus$$|//^citus$$') ./internal/store/...
	@TEST_CITUS=1 $(GO) test -count=1 -timeout 40m -parallel 3 -run 'TestCases|TestEvery|TestSums|TestTheRole|TestRows|TestSingle' ./extension/usageapiextension ./dashboards

.PHONY: test-short
test-short: ## run the tests that need no database and no binary
	@$(GO) test -short $(TESTFLAGS) $$($(GO) list $(PKG) | grep -v '/e2e$$')

.PHONY: race
race: ## run the tests with the race detector (needs a C compiler; root gets one installed)
	@command -v "$$($(GO) env CC)" >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; } || { echo 'race: no C compiler: install gcc' >&2; exit 1; }
	@command -v "$$($(GO) env CC)" >/dev/null || { apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev; } >/dev/null
	@$(postgres)
	@CGO_ENABLED=1 $(GO) test -race -timeout 30m $(TESTFLAGS) $$($(GO) list $(PKG) | grep -v '/e2e$$')

# The packages of the product that start goroutines or hold locks.
concurrent = git grep -lE '^\s"sync(/atomic)?"|^\s*go func|\.Go\(func' -- '*.go' ':!*_test.go' ':!*/internal/metadata*' ':!tools' ':!e2e' ':!distribution' ':!cmd' | xargs -n1 dirname | sort -u | sed 's|^|./|' | tr '\n' ' '
.PHONY: race-locks
race-locks: ## the same for the packages that start goroutines or hold locks, as continuous integration does
	@$(MAKE) race PKG="$$($(concurrent)) ./internal/store"

.PHONY: check
check: vet lint generated test ## what a change has to pass before it is shared; .ci/run adds real clients and the race detector

.PHONY: vet
vet: ## go vet on all modules
	@$(GO) vet ./...
	@$(GO) vet -C distribution ./...
	@$(GO) vet -C tools/notices ./...
	@$(GO) vet -C tools/kafka ./...

.PHONY: lint
lint: ## golangci-lint, built at the version of tools/lint.mod, with .golangci.yml
	@echo "linting (the first time the linter is built, which takes two minutes)"
	@$(GO) tool -modfile=tools/lint.mod golangci-lint run $(LINTFLAGS)

.PHONY: generated
generated: ## fail when a generated file is not what make generate writes
	@$(GO) test -C tools/notices ./...
	@tools/check-generated.sh

.PHONY: bench
bench: ## run the benchmarks; BENCH=Name picks some
	@$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -timeout 60m $(TESTFLAGS) $$(grep -rl --include='*_test.go' '^func Benchmark' . | xargs -n1 dirname | sort -u)

KILLS ?= 20
DOWN ?= 2m
.PHONY: chaos
chaos: build ## break everything while calls flow and count them; KILLS=20, DOWN=2m; as root also a full disk
	@$(GO) build -o bin/chaos ./tools/chaos
	@$(postgres)
	@bin/chaos -collector bin/otelcol-usage -kills $(KILLS) -down $(DOWN)

EVENTS ?= 200000
.PHONY: meter-soak
meter-soak: ## send EVENTS through a mock of each billing engine that fails, kill the sender ten times, compare every sum
	@$(postgres)
	@METER_EVENTS=$(EVENTS) $(GO) test -count=1 -timeout 60m -v -run TestEveryEventReachesTheEngineOnce ./cmd/usagectl/internal/cli

.PHONY: attack
attack: build ## try what nobody may do, in ten minutes at most: access, roles, odd input, a changed database
	@$(GO) build -o bin/chaos ./tools/chaos
	@$(GO) test -c -o bin/attack ./e2e
	@$(postgres)
	@cd e2e && ATTACK=1 OTELCOL_USAGE_BINARY='$(CURDIR)/bin/otelcol-usage' CHAOS_BINARY='$(CURDIR)/bin/chaos' \
		../bin/attack -test.run '^(TestAttack|TestAccessMatrix)' -test.timeout 10m $(TESTFLAGS)

ROWS ?= 10000000
GROWTH ?= 1000000,10000000
.PHONY: bench-query
bench-query: ## measure the questions of the API over ROWS calls and compare each answer with the rows
	@$(GO) build -o bin/benchquery ./tools/benchquery
	@bin/benchquery -rows $(ROWS) $(BENCHFLAGS)

.PHONY: bench-tags
bench-tags: ## a year by tag over ROWS calls with 100,000 tenants and 1,000,000 sessions, and each answer compared with the rows
	@$(GO) build -o bin/benchquery ./tools/benchquery
	@bin/benchquery -tags -sessions 1000000 -zone UTC -rows $(ROWS) $(BENCHFLAGS)

.PHONY: bench-growth
bench-growth: ## what each operation costs in tables of 1 and 10 million calls (or GROWTH); BENCHFLAGS='-zone UTC'
	@$(GO) build -o bin/benchquery ./tools/benchquery
	@bin/benchquery -growth $(GROWTH) $(BENCHFLAGS)

.PHONY: bench-bill
bench-bill: ## measure the import of a large bill and the explanation of 31 days; BENCHFLAGS='-lines 85000 -calls 850000 -days 31'
	@$(GO) build -o bin/usagectl ./cmd/usagectl
	@$(GO) run ./tools/benchbill $(BENCHFLAGS)

.PHONY: bench-processor
bench-processor: ## what a span costs the processor; BENCHFLAGS='-before v1.2.0' compares with another commit, in turns
	@$(GO) run ./tools/benchprocessor $(BENCHFLAGS)

.PHONY: bench-store
bench-store: ## what exactly once costs: the writer against a raw COPY; BENCHFLAGS='-rows 100000'
	@$(postgres)
	@$(GO) run ./tools/benchstore $(BENCHFLAGS)

.PHONY: bench-writers
bench-writers: ## what 1 to 16 writers at the same time cost, and how long they wait for each other; BENCHFLAGS='-rows 160000'
	@$(postgres)
	@$(GO) run ./tools/benchstore -writers $(BENCHFLAGS)

.PHONY: bench-e2e
bench-e2e: build ## calls from OTLP to rows with the real binary: rows/s and its memory; BENCHFLAGS='-calls 50000'
	@$(GO) build -o bin/benche2e ./tools/benche2e
	@$(postgres)
	@bin/benche2e -collector bin/otelcol-usage $(BENCHFLAGS)

.PHONY: bench-start
bench-start: build ## how long the binary takes to its first request, and its idle memory; BENCHFLAGS='-collectors old,bin/otelcol-usage'
	@$(GO) run ./tools/benchstart $(BENCHFLAGS)

.PHONY: bench-api
bench-api: ## ask the API with 50 callers while calls are stored, and measure exports (a minute)
	@$(GO) test ./extension/usageapiextension -run '^$$' -bench SummaryWhileIngesting -benchtime 300x -timeout 10m $(TESTFLAGS)
	@$(GO) test ./extension/usageapiextension -run '^$$' -bench Export -benchtime 1x -timeout 10m $(TESTFLAGS)

PAGE_CALLS ?= 1000000
.PHONY: bench-page
bench-page: ## how long the first page takes over PAGE_CALLS calls, for all users and for one (some minutes)
	@BENCH_CALLS=$(PAGE_CALLS) $(GO) test ./extension/usageapiextension -run '^$$' -bench '^BenchmarkPage' -benchtime 20x -timeout 20m $(TESTFLAGS)

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME
	@grep -rHo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sed 's/:func /\t/' | while IFS=$$'\t' read -r file target; do \
		echo "fuzzing $$target in $$(dirname "$$file") for $(FUZZTIME)"; \
		$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime '$(FUZZTIME)' -fuzzminimizetime 20x "$$(dirname "$$file")"; done

.PHONY: cover
cover: build ## measure which statements the tests run; bin/cover.html shows them
	@OTELCOL_USAGE_BINARY='$(CURDIR)/bin/otelcol-usage' $(GO) test -timeout 30m -coverpkg=./... -coverprofile=bin/cover.out $(TESTFLAGS) $(PKG)
	@$(GO) tool cover -html=bin/cover.out -o bin/cover.html
	@$(GO) tool cover -func=bin/cover.out | tail -n 1

##@ Release

VERSION ?=
TARGETS ?=
.PHONY: release
release: ## make all files of a release in dist/, from a clean tree: VERSION=0.1.0; TARGETS=linux/amd64 makes a part, RELEASE_KEY_FILE signs
	@$(GO) run -C tools/release . -root '$(CURDIR)' -out '$(CURDIR)/dist' -version '$(VERSION)' $(if $(TARGETS),-targets $(TARGETS)) $(RELEASEFLAGS)

.PHONY: release-check
release-check: ## build linux/amd64 twice, compare the bytes; as root install, upgrade and purge its deb and rpm, run its image
	@rm -rf .build/dist .build/next
	@command -v rpm >/dev/null || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || { apt-get update && apt-get install -y --no-install-recommends rpm; } >/dev/null
	@$(GO) test -C tools/release ./...
	@$(GO) run -C tools/release . -root '$(CURDIR)' -out '$(CURDIR)/.build/dist' -version 0.0.1 -targets linux/amd64 -dirty -check
	@$(GO) run -C tools/release . -root '$(CURDIR)' -out '$(CURDIR)/.build/next' -version 0.0.2 -targets linux/amd64 -dirty -packages
	@$(postgres)
	@RELEASE_DIST='$(CURDIR)/.build/dist' RELEASE_NEXT='$(CURDIR)/.build/next' $(GO) test -count=1 -timeout 10m -v -run '^TestRelease' $(TESTFLAGS) ./e2e

.PHONY: newest-core
newest-core: ## build another collector with our components and the newest published core; asks the module proxy
	@NEWEST_CORE=1 OTELCOL_USAGE_BINARY=none $(GO) test -count=1 -timeout 20m -v -run '^TestOthersBuild' $(TESTFLAGS) ./e2e

.PHONY: vulnerabilities
vulnerabilities: ## look for known vulnerabilities that our programs reach; asks vuln.go.dev
	@$(GO) tool -modfile=tools/vuln.mod govulncheck -C distribution ./...
	@$(GO) tool -modfile=tools/vuln.mod govulncheck ./cmd/usagectl

##@ Change

.PHONY: generate
generate: ## write generated files again: component metadata and distribution/
	@$(GO) generate ./...
	@$(GO) tool -modfile=tools/builder.mod builder --config builder-config.yaml --skip-compilation --skip-strict-versioning=false
	@version=$$(awk '$$1 == "version:" { print $$2; exit }' builder-config.yaml); \
		gofmt -w -r "\"$$version\" -> buildVersion(\"$$version\")" distribution/main.go
	@gofmt -w distribution
	@$(MAKE) notices

.PHONY: notices
notices: ## write THIRD_PARTY_NOTICES: module, version and licence of all that is linked; fails for a licence that is not allowed
	@$(GO) run -C tools/notices .

.PHONY: golden
golden: ## rewrite golden files with what the code says now, then show which changed
	@UPDATE_GOLDEN=1 $(GO) test -count=1 $(TESTFLAGS) $(PKG) || echo "golden files are rewritten; other tests failed, see above"
	@git diff --stat

.PHONY: setup
setup: doctor ## install the git hooks and say what is missing
	@git config core.hooksPath .githooks
	@echo "git hooks: .githooks (git commit --no-verify leaves them out once)"

.PHONY: doctor
doctor: ## say which tools are here and which are missing
	@tools/doctor.sh

.PHONY: clean
clean: ## remove bin/
	@rm -rf bin
