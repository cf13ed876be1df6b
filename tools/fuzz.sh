#!/usr/bin/env bash
# Runs each fuzz test of the module for a while, one after the other. What makes
# one fail is kept in the package's testdata/fuzz, and is a test from then on.
# Usage: tools/fuzz.sh DURATION, such as 10s
set -euo pipefail

duration=${1:?expected how long to run each fuzz test, such as 10s}
ran=0
while IFS=: read -r file line; do
  name=${line#func }
  name=${name%%(*}
  package=$(dirname "$file")
  printf '%s %s\n' "$package" "$name"
  go test -run '^$' -fuzz "^$name\$" -fuzztime "$duration" "$package"
  ran=$((ran + 1))
done < <(find . -name '*_test.go' -not -path './.*/*' -not -path './build/*' -exec grep -H '^func Fuzz' {} + | sort)
((ran > 0)) || { echo 'no fuzz test was found' >&2; exit 1; }
printf '%d fuzz tests ran for %s each\n' "$ran" "$duration"
