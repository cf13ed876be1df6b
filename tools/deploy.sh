#!/usr/bin/env bash
# Builds and deploys the stack with the AWS credentials and region of the environment. Without ENV it shows the changes
# and asks. With ENV=name it asks nothing: it takes the settings of that name in deploy/sam/samconfig.toml, the stack
# tokenkeeper-name, and the parameters in deploy/sam/name.yaml if there is such a file.
# Where it deploys to is decided and shown by tokenkeeper where, before anything is created; sam by itself would not look
# at AWS_REGION.
# Usage: [ENV=name] [STACK=name] [PARAMETERS=file] [LAMBDA_GOARCH=arm64|amd64] tools/deploy.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

env=${ENV:-default}
stack=${STACK:-tokenkeeper}
parameters=${PARAMETERS:-}
config=$PWD/deploy/sam/samconfig.toml
sam=${SAM:-.venv/bin/sam}
tokenkeeper=${TOKENKEEPER:-go run ./cmd/tokenkeeper}
export SAM_CLI_TELEMETRY=0 LAMBDA_GOARCH=${LAMBDA_GOARCH:-arm64}

# fail MESSAGE...: says what is missing and what to do, and ends.
fail() {
  printf 'make deploy: %s\n' "$@" >&2
  exit 1
}

if [ "$env" != default ]; then
  grep -qF "[$env.deploy.parameters]" "$config" ||
    fail "there is no environment $env in deploy/sam/samconfig.toml." 'Copy the section of prod there, and give it this name.'
  stack=${STACK:-tokenkeeper-$env}
  if [ -z "$parameters" ] && [ -f "deploy/sam/$env.yaml" ]; then
    parameters=deploy/sam/$env.yaml
  fi
fi
[ -z "$parameters" ] || [ -f "$parameters" ] ||
  fail "the file of parameters $parameters does not exist." 'Copy deploy/sam/parameters.example.yaml, and change what you need.'

case $LAMBDA_GOARCH in
arm64) architecture=arm64 ;;
amd64) architecture=x86_64 ;;
*) fail "LAMBDA_GOARCH is $LAMBDA_GOARCH: expected arm64 or amd64." ;;
esac
overrides=(Architecture=$architecture)
if [ -n "$parameters" ]; then
  overrides=("file://$(realpath "$parameters")" "${overrides[@]}")
fi

region=$($tokenkeeper where --region) && where=$($tokenkeeper where) || fail 'it is not known where to deploy to; see above.'
export AWS_REGION=$region AWS_DEFAULT_REGION=$region
printf 'The stack %s goes to:\n%s\n' "$stack" "$where"

$sam build --config-file "$config" --parameter-overrides Architecture=$architecture
$sam deploy --config-file "$config" --config-env "$env" --stack-name "$stack" --s3-prefix "$stack" --parameter-overrides "${overrides[@]}"
