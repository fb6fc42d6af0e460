# make            creates .venv with the topicwire command
# make demo       runs the real bot on a simulated Discord (ARGS="--once" exits after the replay)
# make test       runs the tests in their short form (TEST_FORM=long make test: in their long one)
# make setup      asks for the bot's token, shows the link that invites the bot, and starts it
# make run        starts the bot, with config.yaml if it exists
# make check      checks lint, format and types
# make bench      measures speed and memory, see docs/performance.md
# make fuzz       searches for failures: damaged feeds and odd queries for a minute each, then property tests with new examples
# make coverage   runs the tests of domain and store and says how much of both they run
# make docs       builds the site of docs/ in site/
# make soak       kills the bot at random moments on a loopback Discord, then checks every post (ARGS="KILLS SEED")
# make model      learns what guesses topics of titles without a keyword, from texts of this project
# make messages   brings the translations in step with the texts of the code (ARGS=nl begins a language)
# make lock       renews requirements/*.txt, the locked dependencies
# make licences   lists the dependencies with licences and ages
# make picture    renders the pictures of the README

VENV   := .venv
BIN    := $(VENV)/bin
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11 python,\
            $(shell command -v $(name) >/dev/null 2>&1 && $(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $(name))))
ARGS   ?=

# Without compiled files every process that starts reads all its modules' sources anew, which takes seconds.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: all demo test coverage setup run check format docs bench fuzz soak model messages lock licences picture clean
.DEFAULT_GOAL := all

all: $(VENV)/.base

# Created if it is missing, or if its base interpreter is gone.
$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then \
	  echo "Topicwire needs Python 3.11 or newer, but none was found. Install it (https://www.python.org/downloads/),"; \
	  echo "or give its path: make PYTHON=/path/to/python3"; exit 1; fi
	@if ! $(PYTHON) -c 'import venv, ensurepip' >/dev/null 2>&1; then \
	  echo "$(PYTHON) cannot create virtual environments: its venv module is missing."; \
	  echo "On Debian or Ubuntu: sudo apt install python3-venv"; exit 1; fi
	@echo "Creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

# A stamp file for each installed lock. A larger lock contains the smaller ones.
INSTALL_base  := Topicwire
INSTALL_demo  := Topicwire and the simulated Discord
INSTALL_dev   := Topicwire and its test dependencies
INSTALL_bench := Topicwire and its benchmark dependencies
INSTALL_docs  := Topicwire and what builds its site
STAMPS_base   := base
STAMPS_demo   := base demo
STAMPS_dev    := base demo dev
STAMPS_bench  := base demo dev bench
STAMPS_docs   := base docs

$(VENV)/.%: requirements/%.txt pyproject.toml | $(BIN)/python
	@echo "Installing $(INSTALL_$*)"
	@$(BIN)/python scripts/install.py requirements/$*.txt
	@touch $(addprefix $(VENV)/.,$(STAMPS_$*))

demo: $(VENV)/.demo
	@$(BIN)/topicwire demo $(ARGS)

test: $(VENV)/.dev
	@$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

# The tests of commands and workers run most of the domain and the store as well, but these pin them down.
coverage: $(VENV)/.dev
	@TEST_FORM=long $(BIN)/python -m pytest -n auto tests/domain tests/store --cov --timeout=0 $(ARGS)

docs: $(VENV)/.docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict $(ARGS)

setup: $(VENV)/.base
	@$(BIN)/topicwire setup $(ARGS)

run: $(VENV)/.base
	@$(BIN)/topicwire run $(ARGS)

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
	@$(BIN)/python -m scripts.fuzz_queries $(ARGS)
	@HYPOTHESIS_PROFILE=search $(BIN)/python -m pytest -n auto -m hypothesis --timeout=0

soak: $(VENV)/.dev
	@$(BIN)/python -m tests.soak $(ARGS)

model: $(VENV)/.dev
	@$(BIN)/python -m scripts.title_model $(ARGS)

messages: $(VENV)/.dev
	@$(BIN)/python -m scripts.messages $(ARGS)

# Each lock uses the previous one as a constraint, so that all of them agree.
COMPILE = $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
            --no-emit-index-url --custom-compile-command "make lock" pyproject.toml requirements/build.in

lock: | $(BIN)/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade uv
	@$(COMPILE) -o requirements/base.txt
	@$(COMPILE) -o requirements/demo.txt --extra demo -c requirements/base.txt
	@$(COMPILE) -o requirements/dev.txt --extra dev -c requirements/demo.txt
	@$(COMPILE) -o requirements/postgres.txt --extra postgres -c requirements/dev.txt
	@$(COMPILE) -o requirements/bench.txt --extra bench -c requirements/dev.txt
	@$(COMPILE) -o requirements/docs.txt --extra docs -c requirements/bench.txt

licences: $(VENV)/.dev
	@$(BIN)/python -m scripts.dependencies $(ARGS)

picture: $(VENV)/.dev
	@$(BIN)/python scripts/pictures.py $(ARGS)

clean:
	rm -rf $(VENV) site .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis
