#!/usr/bin/env bash
# Builds what a release consists of: the command line for Linux and macOS, the functions' archives for both
# architectures, their bills of materials, the template as CloudFormation takes it, notes and checksums. Two runs on one
# commit give the same bytes.
# Windows is left out: the store of files needs flock(2) and an atomic rename.
# Usage: tools/release.sh VERSION [DIRECTORY], such as tools/release.sh v1.2.3; the directory is build/release.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=${1:?expected a version such as v1.2.3}
target=${2:-build/release}
mkdir -p build
work=$(mktemp -d build/release.XXXXXX)
trap 'rm -rf "$work"' EXIT

go run ./tools/release check "$version"

for platform in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64; do
  CGO_ENABLED=0 GOOS=${platform%/*} GOARCH=${platform#*/} go build -trimpath -buildvcs=false \
    -ldflags "-s -w -X github.com/tokenkeeper/tokenkeeper/internal/config.version=$version" \
    -o "$work/${platform/\//_}/tokenkeeper" ./cmd/tokenkeeper
done
for architecture in arm64/arm64 amd64/x86_64; do
  for function in Refresher Bootstrap; do
    ARTIFACTS_DIR=$PWD/$work/${function,,}_${architecture#*/}
    mkdir -p "$ARTIFACTS_DIR"
    ARTIFACTS_DIR=$ARTIFACTS_DIR make --silent LAMBDA_GOARCH="${architecture%/*}" VERSION="$version" "build-${function}Function"
    make --silent VERSION="$version" sbom-of BINARY="$ARTIFACTS_DIR/bootstrap" OUTPUT="$ARTIFACTS_DIR.cdx.json"
  done
done
# The name of the code's archive decides when CloudFormation publishes a version of a function.
AWS_DEFAULT_REGION=${AWS_DEFAULT_REGION:-eu-west-1} CODE_URI=s3://code/$version.zip \
  .venv/bin/python tools/transform.py template.yaml "$work/template.json"

go run ./tools/release pack "$version" "$work" "$target"
