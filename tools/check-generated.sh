#!/usr/bin/env bash
# Fails when `make generate` changes a file, and names the files. The work tree
# may hold other changes: only what generating itself changes counts.
set -euo pipefail
cd "$(dirname "$0")/.."

for tool in mdatagen builder; do
  if ! go tool -modfile="tools/$tool.mod" "$tool" --help >/dev/null 2>"/tmp/generated.$$"; then
    echo "generated: $tool cannot be had here, not checked:" >&2
    tail -n 3 "/tmp/generated.$$" >&2
    rm -f "/tmp/generated.$$"
    exit 0
  fi
done
rm -f "/tmp/generated.$$"

sums() { git ls-files -z --cached --others --exclude-standard | xargs -0 sha256sum --; }
before=$(sums)
make generate >/dev/null
if changed=$(diff <(printf '%s\n' "$before") <(sums) | awk '/^>/ { print "  " $3 }') && [ -z "$changed" ]; then
  echo "generated files are up to date"
  exit 0
fi
if [ -n "$changed" ]; then
  printf 'generated files were not up to date; make generate changed:\n%s\nCommit them.\n' "$changed" >&2
  exit 1
fi
