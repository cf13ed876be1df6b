#!/usr/bin/env bash
# Installs Debian packages for the commands that are missing, by apt-get, as root or through sudo.
# Usage: tools/packages.sh COMMAND[=PACKAGE[,PACKAGE...]]...
# With --file it prints one file of a package that it does not install, because some packages start a server.
# Usage: tools/packages.sh --file PATH PACKAGE
set -euo pipefail

as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo -n)
update() { command -v apt-get >/dev/null && "${as_root[@]}" apt-get update -q; }

# give_up COMMANDS PACKAGES: says what is missing and what to do, and ends.
give_up() {
  printf 'not found, and not installed by apt-get: %s.\n' "$1" >&2
  printf 'Install them (on Debian or Ubuntu: sudo apt-get install %s), then run this again.\n' "$2" >&2
  exit 1
}

if [ "${1-}" = --file ]; then
  path=$2 package=$3
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  cd "$work"
  { update && apt-get download -q "$package"; } >&2 || give_up "${path##*/}" "$package"
  dpkg-deb --fsys-tarfile ./*.deb | tar -xO "$path"
  exit
fi

commands=() packages=()
for wanted in "$@"; do
  command -v "${wanted%%=*}" >/dev/null && continue
  commands+=("${wanted%%=*}")
  IFS=, read -ra names <<<"${wanted#*=}"
  packages+=("${names[@]}")
done
[ ${#packages[@]} -gt 0 ] || exit 0
{ update && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}"; } >&2 ||
  give_up "${commands[*]}" "${packages[*]}"
