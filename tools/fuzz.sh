#!/usr/bin/env bash
# Runs each fuzz test of the module for a while, one after the other.
# Usage: tools/fuzz.sh DURATION, such as 10s
set -euo pipefail

duration=${1:?expected how long to run each fuzz test, such as 10s}
ran=0
while read -r package; do
  for name in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
    printf '%s %s\n' "$package" "$name"
    go test -run '^$' -fuzz "^$name\$" -fuzztime "$duration" "$package"
    ran=$((ran + 1))
  done
done < <(go list ./...)
printf '%d fuzz tests ran for %s each\n' "$ran" "$duration"
