#!/usr/bin/env bash
# Installs what the programs of docs/consumers.md need, pinned by the files in test/consumers/testdata, into
# build/consumers: Node packages, Java libraries, the AWS command line. Node, Java, Maven, curl and jq come by apt-get
# where they are missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

data=test/consumers/testdata
target=build/consumers

tools/packages.sh node=nodejs npm java=openjdk-17-jdk-headless mvn=maven curl jq

mkdir -p "$target/node" "$target/java"
cp "$data"/node/{package.json,package-lock.json,.npmrc} "$target/node/"
npm ci --prefix "$target/node" --silent --no-audit --no-fund

rm -rf "$target/java/lib"
mvn --quiet --batch-mode --file "$data/java/pom.xml" \
  org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DoutputDirectory="$PWD/$target/java/lib"

tools/setup.sh "$target/aws" "$data/shell/requirements.txt"
