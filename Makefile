# Everything sets up its own environment in .venv, once; after that it works offline.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
BUDGET ?= 45s
SHARD ?= 1/1

.PHONY: help demo test test-slow docs clean

help:
	@echo "make demo       train the default recipe on handwritten digits (a minute) and look at what it draws"
	@echo "make test       everything CI runs: format, lint, types, tests, doctests, docs"
	@echo "make test-slow  the same tests at full counts, and learning at full size; SHARD=1/4 runs a quarter of them"
	@echo "make docs       build the documentation into docs/_build"
	@echo "make clean      remove what the others made (runs stay)"

.venv/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "zerosum needs Python 3.11 or newer; name one: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

.venv/.installed-dev: .venv/.installed
	$(PIP) install --quiet --constraint constraints.txt --editable '.[test,docs]'
	@touch $@

demo: .venv/.installed
	$(BIN)/zerosum train mlp_gan --data digits --budget $(BUDGET) --out runs/demo

test: .venv/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 -m "not slow" --durations=10
	$(BIN)/sphinx-build -q -W -b html docs docs/_build

test-slow: .venv/.installed-dev
	$(BIN)/pytest -n 2 -m slow --shard $(SHARD)

docs: .venv/.installed-dev
	$(BIN)/sphinx-build -W -b html docs docs/_build

clean:
	rm -rf .venv docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis
