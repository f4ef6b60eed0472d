# ganlab: `make course` executes the course, `make test` checks all of it. `make` alone lists what there is.
#
#   PROFILE=class|smoke|full   parameters of the notebooks      PYTHON=python3.12  the Python to make .venv with
#   WORKERS=2                  notebooks at a time              VENV=.venv         where it goes
#   NAME=03                    the chapter for `make notebooks` CPU=1              torch without CUDA (smaller)

PROFILE ?= class
WORKERS ?= 2
VENV ?= .venv
NAME ?=

ifeq ($(OS),Windows_NT)
PYTHON ?= python
BIN := $(VENV)/Scripts
else
PYTHON ?= python3
BIN := $(VENV)/bin
endif

STAMP := $(VENV)/.installed
PYTEST := OMP_NUM_THREADS=1 LOKY_MAX_CPU_COUNT=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadscope -q
NBVAL := --nbval --nbval-current-env --nbval-cell-timeout=580 --nbval-sanitize-with=tests/nbval_sanitize.cfg

.PHONY: help course lab test check notebooks site lint clean

help:
	@echo "make course     execute all chapters and make their pages (PROFILE=smoke: in seconds a chapter)"
	@echo "make lab        open the course in JupyterLab"
	@echo "make test       lint, unit tests, the committed notebooks, all chapters in small, drift"
	@echo "make check      the quick part of it"
	@echo "make notebooks  regenerate and execute the committed notebooks (NAME=03: only that chapter)"
	@echo "make site       the course as a web site that needs no network: build/site/html/index.html"
	@echo "make clean      remove what these commands made, except .venv and your runs"

course: $(STAMP)
	@OMP_NUM_THREADS=1 $(BIN)/ganlab course --profile $(PROFILE) --workers $(WORKERS)

lab: $(STAMP)
	@$(BIN)/jupyter lab notebooks/00_start_here.ipynb

test: lint
	$(PYTEST) tests notebooks $(NBVAL)

check: lint
	$(PYTEST) tests -m "not slow"

notebooks: $(STAMP)
	@OMP_NUM_THREADS=1 $(BIN)/ganlab notebooks build --force --workers $(WORKERS) $(NAME)

site: $(VENV)/.docs
	@OMP_NUM_THREADS=1 $(BIN)/python site/build.py

$(VENV)/.docs: $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	@touch $@

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .

clean:
	rm -rf build .pytest_cache .ruff_cache

$(STAMP): pyproject.toml .ci/install.py
	@command -v $(PYTHON) >/dev/null || { echo "ganlab needs Python 3.11 or newer, and there is no '$(PYTHON)': \
	install it from https://www.python.org/downloads/ or name yours, as in: make course PYTHON=python3.12"; exit 1; }
	@$(PYTHON) .ci/install.py $(VENV)
