#!/usr/bin/env bash
# Says which tools are here and which are missing, with the way to get them.
# Only Go and git are needed to build; the rest says what it is for.
set -u
cd "$(dirname "$0")/.."

fault=0
line() { printf '  %-14s %s\n' "$1" "$2"; }

want=$(awk '$1 == "go" { print $2 }' go.mod)
if have=$(go env GOVERSION 2>/dev/null); then
  if [ "$(printf '%s\n%s\n' "$want" "${have#go}" | sort -V | head -n 1)" = "$want" ]; then
    line go "$have"
  else
    line go "$have, needs go$want or newer: https://go.dev/dl/"
    fault=1
  fi
else
  line go "missing, needs go$want or newer: https://go.dev/dl/"
  fault=1
fi

if command -v git >/dev/null; then line git "$(git --version | awk '{ print $3 }')"; else line git "missing"; fault=1; fi

if [ -n "${DATABASE_URL:-}" ]; then
  line PostgreSQL "DATABASE_URL is set: demo and tests use that server"
else
  server=$(command -v postgres || ls /usr/lib/postgresql/*/bin/postgres /usr/pgsql-*/bin/postgres /opt/homebrew/opt/postgresql*/bin/postgres 2>/dev/null | tail -n 1)
  if [ -n "$server" ]; then
    line PostgreSQL "$("$server" --version 2>/dev/null | awk '{ print $3 }') at $server"
  else
    line PostgreSQL "no server binaries: root gets them installed by make test and make demo; otherwise install the package postgresql, or set DATABASE_URL"
  fi
fi

optional() { if command -v "$1" >/dev/null; then line "$1" "found"; else line "$1" "missing; $2"; fi; }
optional gcc "only make race needs a C compiler"
optional psql "only to look into the database by hand"
optional pgbouncer "only the tests behind pgbouncer, which are skipped without it; root gets it installed by make test"
optional docker "only compose.yaml"
optional grafana-server "only to see the dashboards without Docker"

free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1048576) }')
if [ "$free" -lt 4 ]; then line disk "$free GiB free; a first build and its cache take about 3"; else line disk "$free GiB free"; fi

hooks=$(git config core.hooksPath 2>/dev/null || true)
[ "$hooks" = .githooks ] || line "git hooks" "not installed: make setup"
exit "$fault"
