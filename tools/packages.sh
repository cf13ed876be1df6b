#!/usr/bin/env bash
# Installs Debian packages for the commands that are missing, by apt-get, as root or through sudo.
# Usage: tools/packages.sh COMMAND[=PACKAGE[,PACKAGE...]]...
set -euo pipefail

commands=() packages=()
for wanted in "$@"; do
  command -v "${wanted%%=*}" >/dev/null && continue
  commands+=("${wanted%%=*}")
  IFS=, read -ra names <<<"${wanted#*=}"
  packages+=("${names[@]}")
done
[ ${#packages[@]} -gt 0 ] || exit 0

as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo -n)
if ! { command -v apt-get >/dev/null && "${as_root[@]}" apt-get update -q &&
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}"; } >&2; then
  printf 'not found, and not installed by apt-get: %s.\n' "${commands[*]}" >&2
  printf 'Install them (on Debian or Ubuntu: sudo apt-get install %s), then run this again.\n' "${packages[*]}" >&2
  exit 1
fi
