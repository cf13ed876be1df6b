# Everything is done from here; `make` alone lists the targets.
# Only Go and make are needed for demo and build. The rest installs its Python tools into .venv by itself.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Architecture of the Lambda binaries: arm64 or amd64. `make build GOARCH=amd64` chooses it too; the command line tool
# is always built for this machine.
LAMBDA_GOARCH ?= $(or $(GOARCH),arm64)
unexport GOARCH GOOS

# The tag and commit that the functions log and report.
VERSION ?= $(or $(shell git describe --tags --always --dirty --abbrev=12 2>/dev/null),unknown)

# The same source gives the same bytes: no path, no symbols, no revision but the version. See aws-lambda-go for
# lambda.norpc.
LAMBDA_FLAGS = -tags lambda.norpc -trimpath -buildvcs=false \
  -ldflags '-s -w -X github.com/tokenkeeper/tokenkeeper/internal/config.version=$(VERSION)'
LAMBDA_GO = CGO_ENABLED=0 GOOS=linux GOARCH=$(LAMBDA_GOARCH) go build $(LAMBDA_FLAGS)

STATICCHECK := go run honnef.co/go/tools/cmd/staticcheck@v0.8.2
# A flat switch may be above 15: then //gocyclo:ignore and the reason stand above the function.
GOCYCLO := go run github.com/fzipp/gocyclo/cmd/gocyclo@v0.6.0
ACTIONLINT := go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
GOVULNCHECK := go run golang.org/x/vuln/cmd/govulncheck@v1.9.0
# The race detector needs a C compiler.
RACE ?= $(if $(shell command -v $(shell go env CC)),-race)

TOOLS := .venv/.installed
LINTERS := .venv-lint/.installed
SAM := SAM_CLI_TELEMETRY=0 .venv/bin/sam
SAM_CONFIG := --config-file $(CURDIR)/deploy/sam/samconfig.toml
# The checks of the template call no AWS service, but the tools want a region.
ANY_REGION := AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-eu-west-1}

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

.PHONY: demo
demo: ## Keep a token family alive on embedded parts; needs Go only
	go run ./cmd/tokenkeeper demo

.PHONY: alarms
alarms: ## Simulate every scenario again, for docs/alarms.md and its chart; needs Go only
	tools/scenarios.sh

.PHONY: terraform
terraform: ## Write the variables and outputs of deploy/terraform again, from template.yaml
	go run ./tools/terraform

.PHONY: build build-functions
build: build-functions ## Build build/tokenkeeper and build/lambda/*/bootstrap (LAMBDA_GOARCH=arm64|amd64)
	CGO_ENABLED=0 go build -trimpath -o build/tokenkeeper ./cmd/tokenkeeper
build-functions:
	$(LAMBDA_GO) -o build/lambda/refresher/bootstrap ./functions/refresher
	$(LAMBDA_GO) -o build/lambda/bootstrap/bootstrap ./functions/bootstrap

# What `sam build` calls; ARTIFACTS_DIR is where it wants the binary.
.PHONY: build-RefresherFunction build-BootstrapFunction
build-RefresherFunction: FUNCTION = refresher
build-BootstrapFunction: FUNCTION = bootstrap
build-RefresherFunction build-BootstrapFunction:
	$(LAMBDA_GO) -o "$${ARTIFACTS_DIR:?is set by sam build; run that instead}/bootstrap" ./functions/$(FUNCTION)

.PHONY: reproducible
reproducible: ## Build the functions in two folders: the bytes must be the same
	tools/reproducible.sh

# What the functions are made of, read from the binaries themselves.
SBOM := go run github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.9.0 bin -json -noserial -std
.PHONY: sbom
sbom: build-functions ## Write build/lambda/*.cdx.json, CycloneDX bills of materials of the functions
	for function in refresher bootstrap; do \
	  $(MAKE) --silent sbom-of BINARY=build/lambda/$$function/bootstrap OUTPUT=build/lambda/$$function.cdx.json; done
.PHONY: sbom-of
sbom-of: # of one BINARY into OUTPUT; tools/release.sh calls it
	$(SBOM) -version '$(VERSION)' -output '$(OUTPUT)' '$(BINARY)'

.PHONY: setup
setup: $(TOOLS) ## Install the pinned Python tools into .venv
$(TOOLS): tools/requirements.txt tools/setup.sh
	tools/setup.sh .venv tools/requirements.txt
	touch $@

# Linters of the template and of deploy; a deployment with all that the template can make is what they look at.
$(LINTERS): tools/lint-requirements.txt tools/guard-requirements.txt tools/setup.sh
	tools/setup.sh .venv-lint tools/lint-requirements.txt
	tools/setup.sh .venv-lint tools/guard-requirements.txt
	rm -rf .venv-lint/guard
	touch $@
LINTED := Connections=PSOXY_JIRA_CLOUD_,/psoxy/prod/PSOXY_JIRA_CLOUD_ ParametersKey=stack \
  ConsumerRoleArns=arn:aws:iam::111122223333:role/psoxy PreviousParametersKeys=arn:aws:kms:eu-west-1:111122223333:key/before \
  HostedConsent=true NoChangeNotificationHours=6 PageEmail=ops@example.com

.PHONY: lock
lock: ## Resolve the Python tools again, with the hash of every package
	tools/lock.sh

.PHONY: test
test: setup lint reproducible go-test sam-check model-quick mutants-quick fuzz-quick ## Everything that must hold

.PHONY: chromium
chromium: # for the tests of the pages; installed by apt-get where it is missing
	tools/chromium.sh

.PHONY: consumers
consumers: build/consumers/.installed # for the tests of docs/consumers.md: Node's, Java's and Python's packages
build/consumers/.installed: tools/consumers.sh $(wildcard test/consumers/testdata/*/*)
	tools/consumers.sh
	touch $@

.PHONY: checkers
checkers: # for the tests of deploy: promtool and systemd-analyze, by apt-get where they are missing
	tools/checkers.sh

.PHONY: go-test
go-test: setup chromium consumers checkers ## All Go tests, end-to-end ones included
	$(if $(RACE),,@echo 'note: no C compiler, so the tests run without the race detector')
	go test $(RACE) -timeout 20m $$(go list ./... | grep -vE '/tokenkeeper/(test|internal/proof)/')
	go test -timeout 30m $$(go list ./test/... | grep -v /test/stack$$) ./internal/proof/...
	cd pkg/tokensource && go test $(RACE) ./...

STACK_TOOLS := .venv-stack/.installed
$(STACK_TOOLS): tools/stack-requirements.txt tools/stack.sh tools/setup.sh
	PYTHON='$(PYTHON)' tools/stack.sh .venv-stack
	touch $@
.PHONY: stack-test
stack-test: setup $(STACK_TOOLS) ## Deploy the stack on an AWS that runs here, update, re-key and delete it; needs Python 3.13
	go test -count=1 -timeout 60m ./test/stack

.PHONY: sam-check
sam-check: setup ## sam validate --lint and sam build
	$(ANY_REGION) $(SAM) validate --lint $(SAM_CONFIG)
	$(ANY_REGION) LAMBDA_GOARCH=$(LAMBDA_GOARCH) $(SAM) build $(SAM_CONFIG)
	! grep -nE '[ [{][&*][A-Za-z]' .aws-sam/build/template.yaml # CloudFormation takes no YAML aliases

.PHONY: lint
lint: setup $(LINTERS) ## gofmt, vet, staticcheck, gocyclo, test/architecture; actionlint, hadolint, kubernetes-validate; cfn-lint, checkov, cfn-guard, parliament
	@unformatted=$$(find . -name '*.go' -not -path './.*' -not -path './build/*' -exec gofmt -l {} +); \
	  [ -z "$$unformatted" ] || { printf 'not formatted; run gofmt -w on:\n%s\n' "$$unformatted" >&2; exit 1; }
	go vet ./...
	GOOS=windows go vet ./pkg/...
	$(STATICCHECK) ./...
	cd pkg/tokensource && go vet ./... && $(STATICCHECK) ./...
	$(GOCYCLO) -over 15 .
	go test ./test/architecture
	bash -n .ci/run tools/*.sh
	$(ACTIONLINT) -color=false .github/workflows/*.yml
	.venv-lint/bin/hadolint deploy/docker/Dockerfile
	.venv-lint/bin/kubernetes-validate --strict --quiet deploy/kubernetes/*.yaml
	$(ANY_REGION) .venv/bin/python tools/transform.py template.yaml build/template.transformed.json
	$(ANY_REGION) .venv/bin/cfn-lint template.yaml build/template.transformed.json
	go run ./tools/evaluate build/template.transformed.json $(LINTED) >build/template.evaluated.json
	.venv-lint/bin/python tools/lint.py build/template.evaluated.json

.PHONY: vulnerabilities
vulnerabilities: ## Look for known vulnerabilities in what is used; asks vuln.go.dev
	$(GOVULNCHECK) ./...
	cd pkg/tokensource && $(GOVULNCHECK) ./...

.PHONY: bench
bench: ## Run the benchmarks, and print one table
	go test -run '^$$' -bench . -benchmem ./... | go run ./bench/table

.PHONY: fuzz
fuzz: ## Run each fuzz test on FUZZ inputs (100000x)
	tools/fuzz.sh $(or $(FUZZ),100000x)

.PHONY: fuzz-quick
fuzz-quick: ## Run each fuzz test on a few inputs
	tools/fuzz.sh 3000x

.PHONY: mutants
mutants: setup ## Break the protocol on purpose, dozens of ways: a test must notice each
	go run ./internal/proof/mutants

.PHONY: mutants-quick
mutants-quick: ## A few of the mutants
	go run ./internal/proof/mutants -quick

.PHONY: model
model: ## Check the protocol's model exhaustively with spin: every configuration
	tools/model.sh full

.PHONY: model-quick
model-quick: ## The model's small configurations
	tools/model.sh quick

.PHONY: model-mutants
model-mutants: ## Break the model on purpose; spin must catch every breakage
	tools/model.sh probes
	tools/model.sh mutants

.PHONY: release
release: setup ## Build the files of a release into build/release (VERSION=v1.2.3)
	tools/release.sh '$(VERSION)'

# STACK names the stack; a second one in the same account and region needs a name of its own. PARAMETERS names a file of
# template parameters; see deploy/sam/parameters.example.yaml. ENV chooses settings that ask nothing.
.PHONY: deploy
deploy: setup ## Build and deploy with your AWS credentials and region (ENV=prod, STACK=name, PARAMETERS=file, LAMBDA_GOARCH=arm64|amd64)
	ENV='$(ENV)' STACK='$(STACK)' PARAMETERS='$(PARAMETERS)' LAMBDA_GOARCH=$(LAMBDA_GOARCH) tools/deploy.sh

.PHONY: clean
clean: ## Remove what was built (not .venv)
	rm -rf build .aws-sam
