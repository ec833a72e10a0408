# Two commands for everybody: `make demo` and `make test`. Both do their own set-up in .venv and are quick when that is
# done. `make help` lists the others.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' && { echo $$p; break; }; done)
DAYS := tests/integration/test_all_in_one.py
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# unit files score exposure from 0 to 100 with --threshold: 15 is 1.5
SYSTEMD_EXPOSURE := 15

.PHONY: help
help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/.demo ## plays a day at a bank, everything embedded, and tells what happened and why
	@$(BIN)/exsyncd demo

.PHONY: test
test: $(VENV)/.dev ## the test suite, on a real Kafka (needs Java 17; the first time Maven, to fetch Kafka)
	@$(BIN)/python -m tests.support.kafka install
	@$(BIN)/pytest -n $(WORKERS) --dist loadgroup --ignore tests/chaos

.PHONY: chaos
chaos: $(VENV)/.dev ## kills the daemon 20 times, puts its store back; then both on PostgreSQL (EXSYNCD_TEST_KILLS=8 for less)
	@$(BIN)/python -m tests.support.kafka install
	@$(BIN)/pytest tests/chaos
	@EXSYNCD_TEST_STORE=postgres $(BIN)/pytest tests/chaos

.PHONY: scale
scale: export EXSYNCD_TEST_MEETINGS ?= 500
scale: export EXSYNCD_TEST_MAILBOXES ?= 40
scale: $(VENV)/.dev ## the random days at 500 meetings over 40 mailboxes: on SQLite, on PostgreSQL, with two daemons there
	@$(BIN)/python -m tests.support.kafka install
	@$(BIN)/pytest $(DAYS)
	@EXSYNCD_TEST_STORE=postgres $(BIN)/pytest $(DAYS)
	@EXSYNCD_TEST_STORE=postgres EXSYNCD_TEST_DAEMONS=2 $(BIN)/pytest $(DAYS)

.PHONY: mutants
mutants: $(VENV)/.dev ## changes handlers/ in one place at a time: which changes no test notices (build/mutants.txt)
	@WORKERS=$(WORKERS) $(BIN)/python -m tests.mutants

.PHONY: planted
planted: $(VENV)/.dev ## plants known faults in a copy, one after the other: each must turn tests red (tests/planted)
	@$(BIN)/python -m tests.planted

ZONES := UTC Pacific/Pago_Pago Asia/Kolkata Pacific/Kiritimati

.PHONY: test-zones
test-zones: $(VENV)/.dev ## the quick tests (units and rules) where the machine's clock shows other days and half hours
	@for zone in $(ZONES); do \
		echo "TZ=$$zone"; TZ=$$zone $(BIN)/pytest -q -n $(WORKERS) --dist loadgroup tests/unit tests/rules; done

.PHONY: check
check: $(VENV)/.dev ## style, types, import contracts, generated files, deployment files
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m tests.generated
	@$(BIN)/pytest -q tests/unit/deploy
	@$(MAKE) check-systemd check-kubernetes

.PHONY: check-systemd
check-systemd:
	@if command -v systemd-analyze >/dev/null; then \
		systemd-analyze security --offline=true --threshold=$(SYSTEMD_EXPOSURE) --no-pager \
			deploy/systemd/exsyncd.service | tail -n 1; \
	else echo "systemd-analyze is not here: exposure of the unit not measured"; fi

.PHONY: check-kubernetes
check-kubernetes:
	@if command -v kubectl >/dev/null; then kubectl kustomize deploy/kubernetes/base >/dev/null && echo "kustomize: builds"; \
	elif command -v kustomize >/dev/null; then kustomize build deploy/kubernetes/base >/dev/null && echo "kustomize: builds"; \
	else echo "neither kubectl nor kustomize is here: manifests were read, not built"; fi

.PHONY: bench
bench: $(VENV)/.bench ## measures, each figure beside its floor: a table and build/bench.json (minutes; QUICK=1 for a look)
	@$(BIN)/python -m tests.support.kafka install
	@$(BIN)/python -m tests.bench $(if $(QUICK),--quick)

.PHONY: rules
rules: $(VENV)/.dev ## each rule in scope with its tests
	@$(BIN)/python -m tests.reports rules

.PHONY: scenarios
scenarios: $(VENV)/.dev ## each scenario in scope with its tests
	@$(BIN)/python -m tests.reports scenarios

.PHONY: requirements
requirements: $(VENV)/.dev ## which of Microsoft's interoperability requirements the sandbox Exchange proves
	@$(BIN)/python -m tests.requirements

.PHONY: docs
docs: $(VENV)/.dev ## writes the generated files anew: example settings, JSON Schemas, AsyncAPI
	@$(BIN)/python -m tests.generated --write

.PHONY: format
format: $(VENV)/.dev ## formats the code
	@$(BIN)/ruff check --fix --quiet
	@$(BIN)/ruff format --quiet

.PHONY: clean
clean: ## removes what was set up and built
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# The stamps say what .venv holds; a changed pyproject.toml installs anew.

$(VENV)/.demo: pyproject.toml | $(VENV)/.made
	@echo "installing into $(VENV) ..."
	@$(PIP_INSTALL) --editable '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/.made
	@echo "installing into $(VENV), with what the tests need ..."
	@$(PIP_INSTALL) --editable '.[demo,dev]'
	@touch $@ $(VENV)/.demo

$(VENV)/.bench: pyproject.toml | $(VENV)/.dev
	@$(PIP_INSTALL) --editable '.[demo,dev,bench]'
	@touch $@

$(VENV)/.made:
	@if [ -z "$(PYTHON)" ]; then \
		echo "Python 3.11 or newer is needed and not here. On Debian: apt-get install python3 python3-venv"; exit 1; fi
	@if [ ! -x $(BIN)/python ] || ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
		rm -rf $(VENV); \
		if ! $(PYTHON) -m venv $(VENV) >$(TMPDIR)/exsyncd-venv.log 2>&1; then \
			rm -rf $(VENV); cat $(TMPDIR)/exsyncd-venv.log; \
			echo; echo "Python cannot make a virtual environment here. On Debian: apt-get install python3-venv"; exit 1; \
		fi; \
	fi
	@touch $@

TMPDIR ?= /tmp
