# Two commands: make demo, make test. Everything they need is installed into .venv from requirements.lock.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo up down test lint types bench lock

help: ## Show what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

install: $(INSTALLED) ## Install everything into .venv

# uv reads the lock's hashes and compiles bytecode in parallel; where it cannot be had, pip does the same, slower
$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "Ekiden needs Python 3.11, 3.12 or 3.13; say which: make PYTHON=python3.13 …")'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "installing into $(VENV) (about a minute)"
	@if $(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(sed -n 's/^\(uv==[^ ]*\).*/\1/p' requirements.lock)" 2>/dev/null \
	   && $(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode requirements.lock; \
	then true; \
	else $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock; fi
	@$(BIN)/python -m compileall -q ekiden orchestration assets sensors
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(INSTALLED)

demo: $(INSTALLED) ## Load a real shop's year, plan, backfill, release, send; then say how to look at it
	@$(BIN)/python -m orchestration.demo.run

up: $(INSTALLED) ## Start the Dagster UI and daemon on the demo's data (EKIDEN_PORT, Ctrl-C stops everything)
	@exec $(BIN)/ekiden up

down: $(INSTALLED) ## Stop the embedded database
	@$(BIN)/ekiden db stop

test: $(INSTALLED) ## Run all tests
	@$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(INSTALLED) ## ruff and sqlfluff
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/sqlfluff lint --processes 2 --disable-progress-bar ekiden assets orchestration
	@$(BIN)/sqlfluff lint --processes 2 --disable-progress-bar --templater jinja dbt_project/models

types: $(INSTALLED) ## mypy, strict on ekiden/
	@$(BIN)/mypy

# the peers have a .venv of their own: Django and DuckDB are no part of Ekiden
BENCH ?= build
SCALE ?= small
PEERS := .venv-bench/.installed

bench: $(INSTALLED) $(PEERS) ## Measure: BENCH=build|burst|daily|day|decisions|growth|ledger|memory|plan|send|why SCALE=small|full (tests/benchmarks/README.md)
	@$(BIN)/python -m tests.benchmarks.run $(BENCH) --scale $(SCALE) $(SIZE)

$(PEERS): tests/benchmarks/requirements.txt
	@$(PYTHON) -m venv --clear .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -r tests/benchmarks/requirements.txt
	@touch $(PEERS)

lock: $(INSTALLED) ## Resolve the dependencies again into requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-strip-extras --python-version 3.11 \
	  --no-emit-index-url --no-emit-find-links --no-annotate --no-header --all-extras --upgrade \
	  pyproject.toml -o requirements.lock
