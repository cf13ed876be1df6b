#!/usr/bin/env bash
# Makes sure that there is a Chromium for the tests of the pages; prints its version.
set -euo pipefail

command -v chromium >/dev/null || {
  command -v apt-get >/dev/null || {
    printf 'chromium was not found, and cannot be installed here without apt-get.\nInstall it so that `chromium` is on the PATH, then run this again.\n' >&2
    exit 1
  }
  as_root=
  [ "$(id -u)" = 0 ] || as_root=sudo
  [ -z "$as_root" ] || sudo -n true 2>/dev/null || {
    printf 'chromium was not found.\nRun: sudo apt-get install chromium\nthen run this again.\n' >&2
    exit 1
  }
  $as_root apt-get update -q >&2
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends chromium fonts-dejavu-core >&2
}
chromium --version
