#!/usr/bin/env bash
# Makes sure that there is a Chromium for the tests of the pages; prints its version.
set -euo pipefail
"$(dirname "${BASH_SOURCE[0]}")/packages.sh" chromium=chromium,fonts-dejavu-core
chromium --version
