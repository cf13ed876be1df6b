#!/usr/bin/env bash
# Checks the Promela model in internal/proof/model exhaustively with spin; its README.md explains it.
# Usage: tools/model.sh quick|full|mutants|probes
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export mode=${1:?expected quick, full, mutants or probes}
export model=$PWD/internal/proof/model
tools/packages.sh spin gcc=gcc,libc6-dev
mkdir -p build
work=$(mktemp -d "$PWD/build/model.XXXXXX")
export work
trap 'rm -rf "$work"' EXIT

# lines FILE: a list without its comments.
lines() { grep -vE '^ *(#|$)' "$model/$1"; }

# search NAME PARAMETER...: searches all states with at most 9000 MiB and 30000 steps. The report is $work/NAME/report.
# COLLAPSE is exact. Optimising costs gcc more time than it saves.
search() {
  local directory=$work/$1
  shift
  mkdir "$directory"
  cd "$directory"
  if spin -a "${@/#/-D}" "$model/main.pml" >report 2>&1 &&
    gcc -O0 -w -DSAFETY -DCOLLAPSE -DVECTORSZ=2048 -DMEMLIM=9000 -o pan pan.c >>report 2>&1; then
    ./pan -m30000 >report 2>&1 || true
  fi
  rm -f pan pan.?
}

# field NAME PATTERN: the number that PATTERN puts into its group, in the report of NAME.
field() { sed -nE "s/.*$2.*/\1/p" "$work/$1/report" | head -n 1; }

# holds NAME: whether the search found no error and left nothing out.
holds() {
  [ "$(field "$1" 'errors: ([0-9]+)')" = 0 ] &&
    ! grep -qE 'Search not completed|max search depth too small|out of memory|memory limit|^error:|bit-state' "$work/$1/report"
}

# configuration NAME WHEN PARAMETER...: searches one, and prints its figures, or why it does not hold.
configuration() {
  local name=$1
  search "$name" "${@:3}"
  printf '%-12s %-42s %9s %6s %8s %6s\n' "$name" "${*:3}" "$(field "$name" '^ *([0-9.e+]+) states, stored')" \
    "$(field "$name" 'depth reached ([0-9]+)')" "$(field "$name" 'elapsed time ([0-9.]+)')" "$(field "$name" ' ([0-9]+)[.][0-9]+.total actual')"
  holds "$name" || {
    printf 'BROKEN %s: %s\n' "$name" "$(grep -E 'assertion|rror|not completed|too small|limit' "$work/$name/report" | head -n 1)"
    touch "$work/broken"
  }
}

# breakage NAME|INVARIANTS|PARAMETERS|WORDS: searches with the switch NAME, and prints whether spin found that one of the
# invariants is broken ("-": none of them, but a probe is reached).
breakage() {
  local name invariants parameters words found
  IFS='|' read -r name invariants parameters words <<<"$1"
  name=${name// /} invariants=${invariants// /}
  # shellcheck disable=SC2086 # one word for each parameter
  search "$name" "$name" $parameters
  found=$(field "$name" 'assertion violated \(*([0-9]+)&&')
  if [ "$(field "$name" 'errors: ([0-9]+)')" = 1 ] && [[ ",$invariants," == *",${found:--},"* ]]; then
    printf 'caught %-30s %-6s %6s s,%s\n' "$name" "${found:+by $found}" "$(field "$name" 'elapsed time ([0-9.]+)')" "$words"
  else
    printf 'MISSED %-30s found %s, expected %s,%s\n' "$name" "${found:-nothing}" "$invariants" "$words"
    touch "$work/broken"
  fi
}
export -f search field holds configuration breakage

# unreached: the statements that none of the searches has reached, so that they prove nothing. Ends of processes that run
# for ever, probes, messages and what does nothing do not count.
unreached() {
  local report
  for report in "$work"/*/report; do
    awk '/^unreached in/ { process = $4 }
      /^\t.*, state [0-9]+, / { state = $0; sub(/.*, state /, "", state); print process ": " state }' "$report" |
      grep -vE '"-end-"|"printf|"\(1\)"|"assert\(\(\([0-9]+!=[0-9]+\)' | sort -u || true
  done | sort | uniq -c | awk -v n="$(find "$work" -name report | wc -l)" '$1 == n { $1 = ""; print }'
}

case $mode in
quick | full)
  printf '%-12s %-42s %9s %6s %8s %6s\n' configuration parameters states depth seconds MiB
  lines configurations.txt | awk -v mode="$mode" 'mode == "full" || $2 == "quick"' |
    xargs -P 2 -L 1 bash -euc 'configuration "$@"' configuration
  if [ "$mode" = full ]; then
    never=$(unreached)
    [ -z "$never" ] || { printf 'these statements are reached in no configuration:\n%s\n' "$never" && touch "$work/broken"; }
  fi
  ;;
mutants | probes) lines "$mode.txt" | xargs -P 2 -d '\n' -n 1 bash -euc 'breakage "$@"' breakage ;;
*) printf 'unknown mode %s; expected quick, full, mutants or probes\n' "$mode" >&2 && exit 2 ;;
esac
[ ! -e "$work/broken" ] || {
  printf 'make model: not all is as it must be; internal/proof/model/README.md tells how to read a counterexample.\n' >&2
  exit 1
}
