# !/usr/bin/env bash Builds the functions here and in a copy of the sources in another folder. The binaries must have
# the same bytes, so that everybody can check that they were made of these sources. Both must hold the version that they
# were built as. Usage: tools/reproducible.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=reproducible-check
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

git ls-files --cached --others --exclude-standard -z |
  while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
  tar --create --null --files-from=- | tar --extract --directory "$work"

for function in RefresherFunction BootstrapFunction; do
  mkdir -p "$work/here/$function" "$work/there/$function"
  ARTIFACTS_DIR=$work/here/$function make --silent VERSION=$version "build-$function"
  ARTIFACTS_DIR=$work/there/$function make --silent --directory "$work" VERSION=$version "build-$function"
  cmp "$work/here/$function/bootstrap" "$work/there/$function/bootstrap" || {
    echo "make reproducible: two builds of $function differ; see the flags in the Makefile" >&2
    exit 1
  }
  grep -q "$version" "$work/here/$function/bootstrap" || {
    echo "make reproducible: $function does not hold its version; see -X in the Makefile" >&2
    exit 1
  }
done
echo 'both builds of both functions have the same bytes, and hold their version'
