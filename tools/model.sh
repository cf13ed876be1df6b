#!/usr/bin/env bash
# Checks the Promela model in docs/model exhaustively with spin.
# Usage: tools/model.sh quick|full|mutants|probes
set -euo pipefail

mode=${1:?expected quick, full, mutants or probes}
# Compiling takes longer than most searches do.
optimise=-O0
[ "$mode" != full ] || optimise=-O1
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
model=$root/docs/model
mkdir -p "$root/build"
work=$(mktemp -d "$root/build/model.XXXXXX")
trap 'rm -rf "$work"' EXIT

memory=5000  # MiB that one search may use
depth=20000  # steps; a search that needs more fails

# fail MESSAGE...: says what is missing and what to do, and ends.
fail() {
  printf 'make model: %s\n' "$@" >&2
  exit 1
}

# need COMMAND PACKAGE: installs a Debian package, as root or through sudo, unless the command is there.
need() {
  command -v "$1" >/dev/null && return
  local as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  if ! command -v apt-get >/dev/null || { [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; }; then
    fail "$1 was not found, and cannot be installed without apt-get and root's rights." \
      "Install it ($2 in Debian and Ubuntu, or from https://spinroot.com), then run make model again."
  fi
  { "${as_root[@]}" apt-get update -q && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends "$2"; } >&2 ||
    fail "apt-get could not install $2; its message is above."
}

need spin spin
need gcc gcc

# search NAME PARAMETER...: searches all states; the report is $work/NAME/report. Compression (COLLAPSE) is exact.
search() {
  local name=$1 directory=$work/$1
  shift
  mkdir "$directory"
  (
    cd "$directory" &&
      { spin -a "${@/#/-D}" "$model/rotation.pml" >spin.log || { cat spin.log >&2; false; }; } &&
      gcc "$optimise" -w -DSAFETY -DCOLLAPSE -DVECTORSZ=2048 -DMEMLIM="$memory" -o pan pan.c &&
      { ./pan -m"$depth" >report 2>&1 || true; }
  ) || fail "the model with $* does not compile; see the message above."
}

# complete REPORT: whether the search ended without having left anything out.
complete() {
  ! grep -qE 'Search not completed|max search depth too small|out of memory|memory limit|^error:|bit-state' "$1" &&
    grep -q 'errors: [0-9]' "$1"
}

# field REPORT PATTERN: the number that PATTERN puts into its group.
field() { sed -nE "s/.*$2.*/\1/p" "$1" | head -n 1; }

# lines FILE: a list without its comments.
lines() { grep -vE '^ *(#|$)' "$model/$1"; }

# unreached REPORT: the statements that a search did not reach, as "process: statement". Ends of processes that run
# for ever, probes and messages are not counted.
unreached() {
  awk '/^unreached in/ { process = $4 }
    /^\t.*, state [0-9]+, / { state = $0; sub(/.*, state /, "", state); print process ": " state }' "$1" |
    grep -vE '"-end-"|"printf|"assert\(\(\([0-9]+!=[0-9]+\)' | sort -u
}

# check WHICH: checks the configurations, prints a line for each, and what none of them reached.
check() {
  local failed=0 name when parameters report errors
  printf '%-12s %-34s %10s %7s %7s %8s %9s\n' configuration parameters states depth errors seconds memory
  while read -r name when parameters; do
    [ "$1" = full ] || [ "$when" = quick ] || continue
    # shellcheck disable=SC2086 # one word for each parameter
    search "$name" $parameters
    report=$work/$name/report
    errors=$(field "$report" 'errors: ([0-9]+)')
    printf '%-12s %-34s %10s %7s %7s %8s %5s MiB\n' "$name" "$parameters" "$(field "$report" '^ *([0-9.e+]+) states, stored')" \
      "$(field "$report" 'depth reached ([0-9]+)')" "${errors:-?}" "$(field "$report" 'elapsed time ([0-9.]+)')" \
      "$(field "$report" ' ([0-9]+)[.][0-9]+.total actual memory')"
    if [ "$errors" != 0 ] || ! complete "$report"; then
      failed=1
      grep -E 'assertion violated|^error:|^pan:|not completed|too small|invalid' "$report" >&2 || tail -n 5 "$report" >&2
      printf 'To read the counterexample see docs/model/README.md; the parameters are %s\n' "$parameters" >&2
    fi
    unreached "$report" >"$work/$name.unreached"
  done < <(lines configurations.txt)
  [ "$failed" = 0 ] || fail 'the model does not hold.'
  local common
  common=$(sort "$work"/*.unreached | uniq -c | awk -v n="$(ls "$work"/*.unreached | wc -l)" '$1 == n { $1 = ""; print }')
  if [ "$1" = full ] && [ -n "$common" ]; then
    printf '%s\n' "$common" >&2
    fail 'the statements above are reached in no configuration: what they check or do proves nothing.'
  fi
}

# must_fail FILE: every line of FILE names a switch, the invariants that it must break (or "-"), the smallest
# configuration and what it is; spin has to find an error in each.
must_fail() {
  local caught=0 total=0 switch invariants parameters words found
  while IFS='|' read -r switch invariants parameters words; do
    switch=${switch// /} invariants=${invariants// /}
    total=$((total + 1))
    # shellcheck disable=SC2086 # one word for each parameter
    search "$switch" "$switch" $parameters
    found=$(field "$work/$switch/report" 'assertion violated \(*([0-9]+)&&')
    if grep -q 'errors: [1-9]' "$work/$switch/report" && { [ "$invariants" = - ] || [[ ",$invariants," == *",${found:-none},"* ]]; }; then
      caught=$((caught + 1))
      printf 'caught %-36s %-10s %s s,%s\n' "$switch" "${found:+by $found}" "$(field "$work/$switch/report" 'elapsed time ([0-9.]+)')" "$words"
    else
      printf 'MISSED %-36s %s; expected %s,%s\n' "$switch" "${found:-no error}" "$invariants" "$words"
    fi
    rm -rf "${work:?}/$switch"
  done < <(lines "$1")
  printf '%s of %s caught (%s)\n' "$caught" "$total" "$1"
  [ "$caught" = "$total" ] || exit 1
}

case $mode in
quick | full) check "$mode" ;;
mutants | probes) must_fail "$mode.txt" ;;
*) fail "unknown mode $mode; expected quick, full, mutants or probes" ;;
esac
