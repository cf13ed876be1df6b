#!/usr/bin/env bash
# Installs what `make stack-test` deploys on, localstack-core with its hashes, into an environment of its own. It needs
# Python 3.13; PYTHON names one. Usage: [PYTHON=/usr/bin/python3.13] tools/stack.sh VENV
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# A name on the PATH can be a stand-in that finds nothing, so each is asked.
found=
for python in ${PYTHON:+"$PYTHON"} python3.13 python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13.*/bin/python; do
  if "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null; then
    found=$(command -v "$python")
    break
  fi
done
if [ -z "$found" ]; then
  printf 'make stack-test: %s\n' 'no Python 3.13 was found, which localstack-core needs.' \
    'Install one, such as by `pyenv install 3.13`, or name it: make stack-test PYTHON=/path/to/python3.13' >&2
  exit 1
fi
PYTHON=$found tools/setup.sh "$1" tools/stack-requirements.txt
