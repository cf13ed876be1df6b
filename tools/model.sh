#!/usr/bin/env bash
# Checks the Promela model in internal/proof/model exhaustively with spin; internal/proof/model/README.md explains it.
# Usage: tools/model.sh quick|full|mutants|probes
set -euo pipefail

mode=${1:?expected quick, full, mutants or probes}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
model=$root/internal/proof/model
memory=5000  # MiB that one search may use
depth=20000  # steps; a search that needs more fails
mkdir -p "$root/build"
work=$(mktemp -d "$root/build/model.XXXXXX")
trap 'rm -rf "$work"' EXIT

fail() {
  printf 'make model: %s\n' "$@" >&2
  exit 1
}

if ! command -v spin >/dev/null; then
  sudo=$([ "$(id -u)" = 0 ] || echo sudo)
  { $sudo apt-get update -q && $sudo apt-get install -y -q --no-install-recommends spin; } >&2 ||
    fail "spin was not found, and apt-get could not install it. Install it (https://spinroot.com), then run this again."
fi
command -v gcc >/dev/null || fail "gcc was not found. Install a C compiler, then run this again."

# lines FILE: a list without its comments.
lines() { grep -vE '^ *(#|$)' "$model/$1"; }

# search NAME PARAMETER...: searches all states. The report is $work/NAME/report. Compression (COLLAPSE) is exact.
search() {
  local directory=$work/$1
  shift
  mkdir "$directory" && cd "$directory"
  spin -a "${@/#/-D}" "$model/main.pml" >spin.log || fail "spin cannot read the model with $*:" "$(cat spin.log)"
  gcc -O0 -w -DSAFETY -DCOLLAPSE -DVECTORSZ=2048 -DMEMLIM="$memory" -o pan pan.c ||
    fail "the model with $* does not compile."
  ./pan -m"$depth" >report 2>&1 || true
  cd "$work"
}

# field NAME PATTERN: the number that PATTERN puts into its group, in the report of NAME.
field() { sed -nE "s/.*$2.*/\1/p" "$work/$1/report" | head -n 1; }

# holds NAME: whether the search found no error and left nothing out.
holds() {
  [ "$(field "$1" 'errors: ([0-9]+)')" = 0 ] &&
    ! grep -qE 'Search not completed|max search depth too small|out of memory|memory limit|^error:|bit-state' "$work/$1/report"
}

# unreached NAME: the statements that a search did not reach. Ends of processes that run for ever, probes and
# messages do not count.
unreached() {
  awk '/^unreached in/ { process = $4 }
    /^\t.*, state [0-9]+, / { state = $0; sub(/.*, state /, "", state); print process ": " state }' "$work/$1/report" |
    grep -vE '"-end-"|"printf|"assert\(\(\([0-9]+!=[0-9]+\)' | sort -u || true
}

# check: searches the configurations of the mode, prints a line for each, and fails for what none of them reached.
check() {
  local broken=() searched=0 name when parameters
  printf '%-12s %-40s %9s %6s %8s %8s\n' configuration parameters states depth seconds MiB
  while read -r name when parameters; do
    [ "$mode" = full ] || [ "$when" = quick ] || continue
    # shellcheck disable=SC2086 # one word for each parameter
    search "$name" $parameters
    searched=$((searched + 1))
    printf '%-12s %-40s %9s %6s %8s %8s\n' "$name" "$parameters" "$(field "$name" '^ *([0-9.e+]+) states, stored')" \
      "$(field "$name" 'depth reached ([0-9]+)')" "$(field "$name" 'elapsed time ([0-9.]+)')" "$(field "$name" ' ([0-9]+)[.][0-9]+.total actual')"
    holds "$name" || { broken+=("$name, with $parameters:" "$(grep -E 'assertion|^error|^pan:|not completed|too small' "$work/$name/report" | head -n 1)"); }
    unreached "$name" >>"$work/unreached"
  done < <(lines configurations.txt)
  [ ${#broken[@]} = 0 ] || fail 'the model does not hold; internal/proof/model/README.md tells how to read a counterexample.' "${broken[@]}"
  local never
  never=$(sort "$work/unreached" | uniq -c | awk -v n="$searched" '$1 == n { $1 = ""; print }')
  [ "$mode" != full ] || [ -z "$never" ] || fail 'these statements are reached in no configuration, so that they prove nothing:' "$never"
}

# must_fail FILE: each line names a switch, the invariants of which it must break one ("-": any), the smallest
# configuration, and what it is; spin has to find an error in each.
must_fail() {
  local caught=0 total=0 switch invariants parameters words found
  while IFS='|' read -r switch invariants parameters words; do
    switch=${switch// /} invariants=${invariants// /}
    # shellcheck disable=SC2086 # one word for each parameter
    search "$switch" "$switch" $parameters
    found=$(field "$switch" 'assertion violated \(*([0-9]+)&&')
    total=$((total + 1))
    if [ "$(field "$switch" 'errors: ([0-9]+)')" = 1 ] && { [ "$invariants" = - ] || [[ ",$invariants," == *",${found:-none},"* ]]; }; then
      caught=$((caught + 1))
      printf 'caught %-34s %-6s %6s s,%s\n' "$switch" "${found:+by $found}" "$(field "$switch" 'elapsed time ([0-9.]+)')" "$words"
    else
      printf 'MISSED %-34s found %s, expected %s,%s\n' "$switch" "${found:-nothing}" "$invariants" "$words"
    fi
    rm -rf "${work:?}/$switch"
  done < <(lines "$1")
  printf '%s of %s caught (%s)\n' "$caught" "$total" "$1"
  [ "$caught" = "$total" ]
}

case $mode in
quick | full) check ;;
mutants | probes) must_fail "$mode.txt" ;;
*) fail "unknown mode $mode; expected quick, full, mutants or probes" ;;
esac
