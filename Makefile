# The front door. Everything happens in .venv; nothing outside this folder is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test check golden bench figures reliability truth compose-test compose-scale-test scale-test audit

help: ## Show the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-19s %s\n", $$1, $$2}'

$(READY): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --editable '.[server]' --group dev
	@touch $@

demo: $(READY) ## Recorded agent runs to TraceCards, and an agent's runs to a cheaper, better skill
	@$(BIN)/clawtrace demo

check: $(READY) ## Lint, types, import contract
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

test: check ## Everything CI checks: lint, types, imports, tests
	@$(BIN)/pytest -n 2

golden: $(READY) ## Regenerate the golden files; review the diff
	@$(BIN)/pytest --golden -p no:randomly tests

bench: $(READY) ## Measured figures of ingest and compile (never gates)
	@$(BIN)/python -m tests.benchmarks

figures: $(READY) ## How near savings and findings come to the truth, card sizes, compile time (never gates)
	@$(BIN)/python -m tests.simulator.figures

reliability: $(READY) ## Load, faults, bad inputs, fuzzing and a soak, with figures: docs/reliability.md; half an hour
	-@$(BIN)/python -m pip install --quiet --group fuzz
	@$(BIN)/python -m tests.reliability

truth: $(READY) ## Every figure of every recording beside what the model server served
	@$(BIN)/python -m tests.processors.normalise.truth

compose-test: $(READY) ## The image under compose with real spans; as root, needs podman buildah runc debootstrap netavark
	@tests/compose/run.sh

compose-scale-test: $(READY) ## Two collectors on a lake behind a load balancer, under compose; as root, needs the same
	@tests/compose/scale.sh

scale-test: $(READY) ## Collectors on one lake, with faults and figures; as root, installs PostgreSQL
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { apt-get update -qq && apt-get install --yes -qq --no-install-recommends postgresql; }
	@$(BIN)/python -m pip install --quiet --editable '.[lake,spark]' --group scale
	@CLAWTRACE_SCALE_TEST=1 $(BIN)/pytest -n 0 tests/scale tests/deploy tests/collector/store
	@$(BIN)/python -m tests.scale.throughput --cores 0.25
	@$(BIN)/python -m tests.scale.throughput --cores 0.25 --s3

audit: $(READY) ## Known vulnerabilities of every installed package, by pip-audit, which asks the package index (AUDIT_OPTIONS='-s osv': OSV)
	@test -x $(VENV)/audit/bin/pip-audit || { $(PYTHON) -m venv $(VENV)/audit && $(VENV)/audit/bin/pip install --quiet pip-audit==2.10.1; }
	@$(BIN)/python -m pip freeze --exclude-editable > $(VENV)/audit/installed.txt
	@$(VENV)/audit/bin/pip-audit --strict --progress-spinner off --no-deps --disable-pip $(AUDIT_OPTIONS) -r $(VENV)/audit/installed.txt
