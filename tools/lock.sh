#!/usr/bin/env bash
# Writes tools/*requirements.txt, and that of docs/consumers.md's shell program, from the .in files: every package with the
# hashes of its files, for each Python from 3.10 on. Usage: tools/lock.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work"
"$work/bin/pip" install --quiet --disable-pip-version-check uv==0.13.9

# lock NAME FLAG...: one list.
lock() {
  local name=$1
  shift
  "$work/bin/uv" pip compile --quiet --generate-hashes --no-annotate \
    --custom-compile-command 'make lock' "$@" "$name.in" --output-file "$name.txt"
}
everywhere=(--universal --python-version 3.10)
lock tools/requirements "${everywhere[@]}"
lock tools/lint-requirements "${everywhere[@]}"
lock tools/guard-requirements "${everywhere[@]}" --no-deps
lock test/consumers/testdata/shell/requirements "${everywhere[@]}"
lock tools/stack-requirements --python-version 3.13
