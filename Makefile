# make            makes .venv with the topicwire command in it
# make demo       shows the real bot at work on a simulated Discord (ARGS="--once" ends by itself)
# make test       runs every test
# make run        starts the bot on config.yaml
# make check      lint, format and types
# make bench      measures, see docs/performance.md
# make fuzz       feeds the parsers of feeds with damaged ones for a minute
# make picture    takes the README's pictures again

VENV   := .venv
BIN    := $(VENV)/bin
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11 python,\
            $(shell command -v $(name) >/dev/null 2>&1 && $(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $(name))))
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check
ARGS   ?=

.PHONY: all demo test run check format bench fuzz picture clean
.DEFAULT_GOAL := all

all: $(VENV)/.base

# Made again when there is none, or when the one that made it is gone.
$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then \
	  echo "Topicwire needs Python 3.11 or newer, and none was found. Install it (https://www.python.org/downloads/),"; \
	  echo "or name one: make PYTHON=/path/to/python3"; exit 1; fi
	@if ! $(PYTHON) -c 'import venv, ensurepip' >/dev/null 2>&1; then \
	  echo "$(PYTHON) cannot make virtual environments: its venv module is missing."; \
	  echo "On Debian or Ubuntu: sudo apt install python3-venv"; exit 1; fi
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.base: pyproject.toml | $(BIN)/python
	@echo "Installing Topicwire"
	@$(PIP) -e .
	@touch $@

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	@echo "Installing Topicwire and the simulated Discord"
	@$(PIP) -e '.[demo]'
	@touch $@ $(VENV)/.base

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	@echo "Installing Topicwire and what its tests need"
	@$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/.base $(VENV)/.demo

$(VENV)/.bench: pyproject.toml | $(BIN)/python
	@echo "Installing Topicwire and what it is measured beside"
	@$(PIP) -e '.[bench]'
	@touch $@ $(VENV)/.base $(VENV)/.demo $(VENV)/.dev

demo: $(VENV)/.demo
	@$(BIN)/topicwire demo $(ARGS)

test: $(VENV)/.dev
	@$(BIN)/python -m pytest -n auto $(ARGS)

run: $(VENV)/.base
	@if [ ! -f config.yaml ]; then cp config.example.yaml config.yaml; echo "Made config.yaml from config.example.yaml."; fi
	@$(BIN)/topicwire run --config config.yaml

check: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(VENV)/.dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/.bench
	@$(BIN)/python -m benchmarks $(ARGS)

fuzz: $(VENV)/.dev
	@$(BIN)/python -m scripts.fuzz_feeds $(ARGS)

picture: $(VENV)/.dev
	@$(BIN)/python scripts/pictures.py $(ARGS)

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
