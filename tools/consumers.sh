#!/usr/bin/env bash
# Installs what the programs of docs/consumers.md need, pinned by the files in test/consumers/testdata, into
# build/consumers: Node packages, Java libraries, the AWS command line. Node, Java, Maven, curl and jq come by apt-get
# where they are missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

data=test/consumers/testdata
target=build/consumers

packages=()
# need COMMAND PACKAGE...: notes the packages unless the command is there.
need() {
  command -v "$1" >/dev/null || packages+=("${@:2}")
}
need node nodejs
need npm npm
need java openjdk-17-jdk-headless
need mvn maven
need curl curl
need jq jq
if [ ${#packages[@]} -gt 0 ]; then
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo -n)
  { command -v apt-get >/dev/null && "${as_root[@]}" apt-get update -q &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}"; } >&2 || {
    printf 'the programs of docs/consumers.md need what is missing here, and it could not be installed.\nInstall %s, then run this again.\n' "${packages[*]}" >&2
    exit 1
  }
fi

mkdir -p "$target/node" "$target/java"
cp "$data"/node/{package.json,package-lock.json,.npmrc} "$target/node/"
npm ci --prefix "$target/node" --silent --no-audit --no-fund

rm -rf "$target/java/lib"
mvn --quiet --batch-mode --file "$data/java/pom.xml" \
  org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DoutputDirectory="$PWD/$target/java/lib"

tools/setup.sh "$target/aws" "$data/shell/requirements.txt"
