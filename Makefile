# diqkd: `make demo` and `make test` set everything up by themselves in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help setup demo lab test test-random test-slow soak lint bench docs docs-links clean

help:
	@echo "make demo       the paper's session on the emulated laboratory: two nodes, 1 500 000 rounds, two identical keys"
	@echo "make lab        the same laboratory under ARTIQ's masters, one per node; PYTHON names the one that has ARTIQ"
	@echo "make test       linters, type checker and all tests"
	@echo "make test-random  all tests in random order"
	@echo "make test-slow  the long sweeps as well"
	@echo "make soak       crashes, an adversary on the line, damaged input: BUDGET seconds (600) of it, and one table"
	@echo "make bench      what post-processing costs here, as ratios to other programs; some minutes on an idle machine"
	@echo "make docs       the pages of docs/ as a site, in docs/_build/html; make docs-links also asks every link outside"
	@echo "make setup      only create $(VENV) with everything in it"
	@echo "make clean      remove $(VENV) and caches"

setup: $(VENV)/.ready

# Programs in a virtual environment name its absolute path; in a renamed or copied checkout they are set up anew.
ifneq ($(wildcard $(VENV)/.ready),)
ifneq ($(shell cat $(VENV)/.ready),$(CURDIR))
.PHONY: $(VENV)/.ready
endif
endif

# pyldpc ships only as a source package whose build needs numpy and setuptools installed first.
$(VENV)/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("diqkd needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; name one: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip "setuptools>=77" wheel numpy
	$(BIN)/python -m pip install --quiet --no-build-isolation "pyldpc>=0.7.9"
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --no-build-isolation --editable ".[dev]"
	@printf '%s\n' '$(CURDIR)' > $@

demo: setup
	$(BIN)/diqkd demo

lab:
	$(PYTHON) -m diqkd lab up --home lab

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/diqkd lint-kernels

test: lint
	$(BIN)/pytest -n 2 --dist loadfile

test-random: setup
	$(BIN)/pytest -n 2 --dist loadfile -o addopts="-ra --strict-markers -m 'not slow'"

test-slow: lint
	$(BIN)/pytest -n 2 --dist loadfile -m "slow or not slow"

# Goes on where it stopped, as long as STATE is there; SHARD=k/n splits the cases over several machines.
BUDGET ?= 600
STATE ?= soak-state
SHARD ?= 1/1
soak: setup
	$(BIN)/python -m tests.soak --budget $(BUDGET) --state $(STATE) --shard $(SHARD)

# The peers are never needed: a line whose peer is missing says so.
bench: setup
	-$(BIN)/python -m pip install --quiet "ldpc>=2.2"
	$(BIN)/python -m benchmarks

docs: setup
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

# Asks servers elsewhere; what they answer is no matter of CI.
docs-links: setup
	$(BIN)/python -m sphinx -q -b linkcheck docs docs/_build/links

clean:
	rm -rf $(VENV) .pytest_cache .hypothesis .mypy_cache .ruff_cache build dist docs/_build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
