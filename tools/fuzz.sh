# !/usr/bin/env bash Runs each fuzz test of the module on so many inputs, one after the other. What makes one fail is
# kept in the package's testdata/fuzz, and is a test from then on. Usage: tools/fuzz.sh INPUTS, such as 3000x. A
# duration is taken too. But at its end Go before 1.27 may report a failure although there is none (golang/go#75804).
set -euo pipefail

inputs=${1:?expected on how many inputs to run each fuzz test, such as 3000x}
ran=0
while IFS=: read -r file line; do
  name=${line#func }
  name=${name%%(*}
  package=$(dirname "$file")
  printf '%s %s\n' "$package" "$name"
  go test -run '^$' -fuzz "^$name\$" -fuzztime "$inputs" "$package"
  ran=$((ran + 1))
done < <(find . -name '*_test.go' -not -path './.*/*' -not -path './build/*' -exec grep -H '^func Fuzz' {} + | sort)
((ran > 0)) || { echo 'no fuzz test was found' >&2; exit 1; }
printf '%d fuzz tests ran, %s each\n' "$ran" "$inputs"
