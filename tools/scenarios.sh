#!/usr/bin/env bash
# Writes the table of scenarios between its markers in docs/alarms.md, and docs/images/countdown.svg.
set -euo pipefail
cd "$(dirname "$0")/.."

document=docs/alarms.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

go build -o "$work/tokenkeeper" ./cmd/tokenkeeper
"$work/tokenkeeper" simulate --scenario all --table >"$work/table"
"$work/tokenkeeper" simulate --scenario healthy-year --out "$work" >/dev/null

awk -v table="$work/table" '
  /^<!-- end of scenarios -->$/ { inside = 0 }
  !inside { print }
  /^<!-- scenarios: / { inside = 1; while ((getline line < table) > 0) print line }
' "$document" >"$work/document"
cp "$work/document" "$document"
mkdir -p docs/images
cp "$work/countdown.svg" docs/images/countdown.svg
