#!/usr/bin/env bash
# Makes sure that what checks the files of deploy is here: build/promtool is Prometheus's own checker, the one on the PATH
# or else that of Debian's package, of which nothing else is installed; and systemd-analyze. Prints promtool's version.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo -n)
# give_up PROGRAM PACKAGE: says what is missing, and ends.
give_up() {
  printf '%s was not found, and could not be had by apt-get.\nInstall %s so that it is on the PATH, then run this again.\n' "$1" "$2" >&2
  exit 1
}
updated() { "${as_root[@]}" apt-get update -q >&2; }

command -v systemd-analyze >/dev/null || {
  command -v apt-get >/dev/null && updated &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends systemd >&2
} || give_up systemd-analyze systemd

mkdir -p build
if found=$(command -v promtool); then
  ln -sf "$found" build/promtool
elif ! build/promtool --version >/dev/null 2>&1; then
  work=$(mktemp -d build/promtool.XXXXXX)
  trap 'rm -rf "$work"' EXIT
  fetch() { (cd "$work" && apt-get download -q prometheus) >&2; }
  command -v apt-get >/dev/null && { fetch || { updated && fetch; }; } || give_up promtool Prometheus
  dpkg-deb --fsys-tarfile "$work"/prometheus_*.deb | tar -xO ./usr/bin/promtool >"$work/promtool"
  chmod 755 "$work/promtool"
  mv -f "$work/promtool" build/promtool
fi
build/promtool --version 2>&1 | head -n 1
