#!/usr/bin/env bash
# Makes sure that build/promtool is Prometheus's own checker of rules and metrics: the one on the PATH, or else that of
# Debian's package, of which nothing else is installed; prints its version.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mkdir -p build
if found=$(command -v promtool); then
  ln -sf "$found" build/promtool
elif ! build/promtool --version >/dev/null 2>&1; then
  work=$(mktemp -d build/promtool.XXXXXX)
  trap 'rm -rf "$work"' EXIT
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo -n)
  fetch() { (cd "$work" && apt-get download -q prometheus) >&2; }
  { command -v apt-get >/dev/null && { fetch || { "${as_root[@]}" apt-get update -q >&2 && fetch; }; }; } || {
    printf 'promtool was not found, and Debian'\''s package prometheus could not be fetched.\nInstall Prometheus so that `promtool` is on the PATH, then run this again.\n' >&2
    exit 1
  }
  dpkg-deb --fsys-tarfile "$work"/prometheus_*.deb | tar -xO ./usr/bin/promtool >"$work/promtool"
  chmod 755 "$work/promtool"
  mv -f "$work/promtool" build/promtool
fi
build/promtool --version 2>&1 | head -n 1
