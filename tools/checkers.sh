#!/usr/bin/env bash
# Makes sure that what checks the files of deploy is here: systemd-analyze, and Prometheus's checker as build/promtool, the
# one on the PATH or that of Debian's package. Prints promtool's version.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tools/packages.sh systemd-analyze=systemd

mkdir -p build
if found=$(command -v promtool); then
  ln -sf "$found" build/promtool
elif ! build/promtool --version >/dev/null 2>&1; then
  tools/packages.sh --file ./usr/bin/promtool prometheus >build/promtool.new
  chmod 755 build/promtool.new
  mv -f build/promtool.new build/promtool
fi
build/promtool --version 2>&1 | head -n 1
