# Everything a contributor runs. `make` alone lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
FTC := $(VENV)/bin/ftc
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

prove: $(STAMP) ## run the slow proofs as well
	@$(VENV)/bin/python -m pytest -m prove

bless: $(STAMP) ## rewrite the outputs that tests compare with (read the diff before you commit it)
	@$(VENV)/bin/python -m tool.tests.readme
	@$(FTC) generate

lint: $(STAMP) ## style, types, layers
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports

lock: ## resolve requirements.lock anew (needs uv)
	@UV_PYTHON_DOWNLOADS=never uv pip compile pyproject.toml --extra dev --generate-hashes --python-version 3.11 --no-header --quiet -o requirements.lock

.PHONY: help setup generate check test prove bless lint lock
