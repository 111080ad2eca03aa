# Everything a contributor runs. `make` alone lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
FTC := $(VENV)/bin/ftc
NOTEBOOK_STACK ?= trl
NOTEBOOK_VENV := .notebook-venv$(addprefix -,$(filter-out trl,$(NOTEBOOK_STACK)))
NOTEBOOK_PYTHON := $(NOTEBOOK_VENV)/bin/python
NOTEBOOK_STAMP := $(NOTEBOOK_VENV)/.made
STAMP := $(VENV)/.installed-from

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort | expand -t 20

$(STAMP): requirements.lock pyproject.toml
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the pinned environment into $(VENV)"
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(STAMP) ## create .venv from requirements.lock

generate: $(STAMP) ## regenerate every output under generated/
	@$(FTC) generate

check: $(STAMP) ## prove that generated/ is current
	@$(FTC) generate --check

test: $(STAMP) ## run the fast tests
	@$(VENV)/bin/python -m pytest -m "not prove"

prove: $(STAMP) $(NOTEBOOK_STAMP) .browser-venv/.made framework-environments ## run the slow proofs as well: attacks, kills, real training
	@OMP_NUM_THREADS=1 FTC_NOTEBOOK_PYTHON=$(NOTEBOOK_PYTHON) FTC_BROWSER_PYTHON=.browser-venv/bin/python \
		$(VENV)/bin/python -m pytest -m prove

.browser-venv/.made: tool/tests/site/requirements.in tool/tests/site/package.json
	@test -x .browser-venv/bin/python || $(PYTHON) -m venv .browser-venv
	@.browser-venv/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@cp tool/tests/site/package.json .browser-venv/
	@npm install --prefix .browser-venv --ignore-scripts --no-audit --no-fund --no-package-lock --silent
	@touch $@

test-page: $(STAMP) .browser-venv/.made ## click through the whole page in Chromium, with axe-core, and check the types of its scripts
	@OMP_NUM_THREADS=1 FTC_BROWSER_PYTHON=.browser-venv/bin/python $(VENV)/bin/python -m pytest -m prove tool/tests/site

pictures: $(STAMP) ## draw the pictures of the README anew (.github/docs)
	@$(VENV)/bin/python -m tool.site.pictures

$(NOTEBOOK_STAMP): $(STAMP) profiles/dependencies/locks/$(NOTEBOOK_STACK).txt tool/tests/notebooks/environment.py
	@echo "installing the lock of $(NOTEBOOK_STACK) into $(NOTEBOOK_VENV)"
	@$(VENV)/bin/python -m tool.tests.notebooks.environment $(NOTEBOOK_VENV) --stack $(NOTEBOOK_STACK)
	@touch $@

framework-environments: $(STAMP)
	@$(VENV)/bin/python -m tool.tests.frameworks.environments

test-frameworks: framework-environments ## send exports through the frameworks' own parsers, and train the scripts
	@OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -m "prove or not prove" tool/tests/frameworks tool/tests/export

lock-frameworks: $(STAMP) ## resolve the frameworks' environments anew
	@$(VENV)/bin/python -m tool.tests.frameworks.environments --lock

test-notebooks: $(NOTEBOOK_STAMP) ## train every notebook template for real on the CPU
	@OMP_NUM_THREADS=1 NOTEBOOK_STACK=$(NOTEBOOK_STACK) FTC_NOTEBOOK_PYTHON=$(NOTEBOOK_PYTHON) \
		$(VENV)/bin/python -m pytest -m prove --dist worksteal tool/tests/notebooks

sweep: $(NOTEBOOK_STAMP) ## fine-tune a small model over learning rates, ranks and methods (hours; resumable)
	@OMP_NUM_THREADS=1 $(NOTEBOOK_PYTHON) -m tool.sweep registry/measurements/sweeps/smollm2-135m.yaml

.oracle-venv/.made: tool/oracle/requirements.lock
	@test -x .oracle-venv/bin/python || $(PYTHON) -m venv .oracle-venv
	@.oracle-venv/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	@.oracle-venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

oracle-environment: .oracle-venv/.made ## install what `ftc fit --oracle` traces with

oracle: .oracle-venv/.made ## trace real training steps without a GPU (registry/measurements/oracle; resumable)
	@OMP_NUM_THREADS=1 .oracle-venv/bin/python -m tool.oracle grid

measure: .oracle-venv/.made ## measure real training steps on this machine's GPU (registry/measurements/own_<card>.jsonl)
	@.oracle-venv/bin/python -m tool.measure grid

calibrate: $(STAMP) ## fit what the memory arithmetic cannot see, and report the errors family by family
	@$(VENV)/bin/python -m tool.memory.calibrate --write
	@$(VENV)/bin/python -m evaluation.memory_report

.bench-venv/.made: evaluation/bench_memory/requirements.in evaluation/bench_memory/requirements-alone.in
	@test -x .bench-venv/bin/python || $(PYTHON) -m venv .bench-venv
	@.bench-venv/bin/python -m pip install --quiet --disable-pip-version-check -r evaluation/bench_memory/requirements.in
	@.bench-venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r evaluation/bench_memory/requirements-alone.in
	@touch $@

bench-memory: $(STAMP) .bench-venv/.made ## set other memory estimators beside ours on the measured runs
	@$(VENV)/bin/python -m evaluation.bench_memory

rehearse: $(STAMP) ## twelve weeks of telemetry and retraining through the real commands
	@$(VENV)/bin/python -m evaluation.rehearsal --write

bench: $(STAMP) ## how fast everything is and how it grows (evaluation/reports/performance.md; on an idle machine)
	@$(VENV)/bin/python -m evaluation.bench_performance

bench-telemetry: $(STAMP) ## a million events through ingest and report, and a retraining from 50,000 runs
	@$(VENV)/bin/python -m evaluation.bench_telemetry

bench-hparams: $(STAMP) ## score learning rates and other hyperparameters, repositories left out
	@$(VENV)/bin/python -m evaluation.hparams

bless: $(STAMP) ## rewrite the outputs that tests compare with (read the diff before you commit it)
	@$(VENV)/bin/python -m tool.tests.readme
	@$(VENV)/bin/python -m tool.site.pictures
	@$(FTC) generate

lint: $(STAMP) ## style, types, layers
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports

lock: ## resolve requirements.lock anew (needs uv)
	@UV_PYTHON_DOWNLOADS=never uv pip compile pyproject.toml --extra dev --generate-hashes --python-version 3.11 --no-header --quiet -o requirements.lock

.PHONY: help setup generate check test prove test-notebooks framework-environments test-frameworks lock-frameworks test-page pictures sweep oracle-environment oracle measure calibrate rehearse bench bench-memory bench-telemetry bench-hparams bless lint lock
