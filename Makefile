# deadband: what there is to do here. `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Unit tests use two cores. End-to-end tests mostly wait, so three files at a time fit, those first that take longest.
PARALLEL := --dist=loadfile --numprocesses=2
PARALLEL_E2E := --dist=loadfile --numprocesses=3 --no-loadscope-reorder
# What watches readings by the second has the machine to itself.
TIMED_E2E := $(addprefix e2e/,test_real_node.py test_real_readings.py test_private_machine.py test_relay.py)

.DEFAULT_GOAL := help
.PHONY: help setup demo test check unit e2e chaos crds lint format lock bench bench-against profile soak image sbom chart clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the pinned Python packages into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(READY) ## Make the virtual environment with everything pinned

demo: $(READY) ## Watch deadband scale a real control plane (KEEP=1 leaves it running)
	@$(BIN)/python -m e2e.testbed.demo $(if $(KEEP),--keep)

test: check unit e2e ## Everything that CI runs: check, unit tests, end-to-end tests

check: lint ## Static checks: style, types, the contract between rooms, generated files in step
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m deadband.cli.generate --check

lint: $(READY) ## ruff: rules and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: $(READY) ## Let ruff mend what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

unit: $(READY) ## Unit tests, tables and properties: no cluster
	$(BIN)/pytest tests $(PARALLEL)

e2e: $(READY) ## End-to-end tests on a real control plane, built on first use (CLUSTER=native|kind|existing)
	$(BIN)/python -m e2e.testbed.tools
	$(BIN)/pytest $(TIMED_E2E) $(PARALLEL_E2E) --cluster=$(or $(CLUSTER),native)
	$(BIN)/pytest e2e $(addprefix --ignore=,$(TIMED_E2E)) $(PARALLEL_E2E) --cluster=$(or $(CLUSTER),native)

chaos: $(READY) ## Run the whole fault suite; its report is build/chaos/report.md (half an hour)
	rm -rf build/chaos
	$(BIN)/python -m e2e.testbed.tools
	$(BIN)/pytest e2e/test_faults.py --numprocesses=4 --dist=worksteal --faults=all --faults-report=build/chaos; \
	survived=$$?; $(BIN)/python -m e2e.chaos.report build/chaos && exit $$survived

crds: $(READY) ## Write crds/, the chart's copies and docs/reference.md from the models
	$(BIN)/python -m deadband.cli.generate

lock: $(READY) ## Pin the newest versions of all dependencies, with hashes
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header requirements/runtime.in -o requirements/runtime.txt
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header requirements/dev.in -c requirements/runtime.txt -o requirements/dev.txt
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header requirements/build.in -o requirements/build.txt

bench: $(READY) ## Measure the real operator under 100, 1,000 and 5,000 policies, and write docs/benchmarks/
	$(BIN)/python -m e2e.bench --write docs/benchmarks

bench-against: $(READY) ## Compare what the operator costs with another revision (REV=HEAD~1, POLICIES=5000)
	$(BIN)/python -m e2e.bench --policies $(or $(POLICIES),5000) --against $(or $(REV),HEAD)

profile: $(READY) ## Show which functions of the running operator take its time (POLICIES=5000)
	$(BIN)/python -m e2e.bench.profile --policies $(or $(POLICIES),5000)

soak: $(READY) ## Noisy metrics and restarts of everything (MINUTES=20); its report is build/soak/report.md
	$(BIN)/python -m e2e.soak --minutes=$(or $(MINUTES),20) $(if $(POLICIES),--policies=$(POLICIES)) $(if $(SEED),--seed=$(SEED))

image: ## Build the container image (needs a container engine)
	docker build -f operator/Dockerfile -t deadband:dev .

sbom: $(READY) ## Print the image's bill of materials (CycloneDX), as the image carries it
	@$(BIN)/python operator/sbom.py pyproject.toml requirements/runtime.txt

chart: $(READY) ## Lint and render the Helm chart
	helm=$$($(BIN)/python -m e2e.testbed.tools helm | tail -n 1); \
	"$$helm" lint --strict charts/deadband && "$$helm" template deadband charts/deadband > /dev/null && echo "The chart renders."

clean: ## Remove what was made here, but not the tools' cache
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build
