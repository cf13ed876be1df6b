#!/usr/bin/env bash
# Installs the pinned Python tools of a requirements file, each with its hash, into a virtual environment.
# Usage: [PYTHON=python3] tools/setup.sh VENV REQUIREMENTS
set -euo pipefail

venv=$1
requirements=$2
python=${PYTHON:-python3}

# fail MESSAGE...: says what is missing and what to do, and ends.
fail() {
  printf 'make setup: %s\n' "$@" >&2
  exit 1
}

command -v "$python" >/dev/null ||
  fail "$python was not found. Install Python 3.10 or newer, then run make setup again."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
  fail "$python is $("$python" -V 2>&1 | cut -d' ' -f2). Install Python 3.10 or newer, then run make setup again."

# Debian and Ubuntu ship venv's other half, ensurepip, in a package of its own.
"$python" -c 'import ensurepip' 2>/dev/null || "$(dirname "${BASH_SOURCE[0]}")/packages.sh" ensurepip=python3-venv

# An environment that was moved, or whose Python is gone, is made again.
if ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
  rm -rf "$venv"
  "$python" -m venv "$venv"
fi
# The list is complete: nothing else is installed. Python compiles what it imports, so that a third of the space is saved.
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-cache-dir --no-compile --require-hashes --no-deps --requirement "$requirements" ||
  fail "pip could not install $requirements into $venv; its message is above." \
    'It takes a package index that can be reached, and a gigabyte of disk space. Then run make setup again.'
