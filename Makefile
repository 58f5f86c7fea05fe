# Every target sets itself up in .venv: with uv where there is one, with pip otherwise.
PYTHON ?= python3
JOBS ?= 2
SOLUTIONS ?= on
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell uv --version >/dev/null 2>&1 && echo uv)

ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

.DEFAULT_GOAL := help
.PHONY: help demo test quick core lint lab dashboard docs course bench images sync check-sync clean
.DELETE_ON_ERROR:
.NOTPARALLEL:

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/installed-demo ## fit, predict and draw a Raman spectrum: raman.html and raman.csv
	$(BIN)/bpm-nb demo

test: $(VENV)/installed-test ## the whole test suite
	$(ONE_THREAD) $(BIN)/python -m pytest -n $(JOBS) --dist worksteal --durations=60 tests

quick: $(VENV)/installed-test ## the tests of the lessons, without quantum chemistry: under a minute
	$(ONE_THREAD) $(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal -m "not slow and not browser and not reference" tests/lessons tests/project/test_style.py

core: $(VENV)/installed-core ## what works without any extra: the tests of files, bonds, regression, models and spectra
	$(ONE_THREAD) $(BIN)/python -m pytest -q -m "not slow and not browser and not reference" tests/core tests/data tests/bonds tests/regression tests/models tests/spectra

lint: $(VENV)/installed-lint ## ruff: errors, imports, likely bugs, format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lab: $(VENV)/installed-lab ## JupyterLab on the notebooks
	JUPYTER_PATH="$(CURDIR)/binder" JUPYTER_CONFIG_PATH="$(CURDIR)/binder" $(BIN)/jupyter-lab $(if $(filter 0,$(shell id -u)),--allow-root) nbs

dashboard: $(VENV)/installed-lab ## the dashboards in a browser, without the code, for this machine alone
	JUPYTER_PATH="$(CURDIR)/binder" JUPYTER_CONFIG_PATH="$(CURDIR)/binder" $(BIN)/voila nbs/apps

docs: $(VENV)/installed-docs ## the documentation as pages: _docs/index.html
	$(BIN)/python -m bpm_nb.dev.site

course: $(VENV)/installed-course ## the course for a USB stick: _course/index.html, worksheets too; SOLUTIONS=off leaves solutions out
	$(BIN)/python -m bpm_nb.dev.course --solutions $(SOLUTIONS)

bench: $(VENV)/installed-bench ## time, memory and error next to other methods: nbs/benchmarks.ipynb; ONLY='growth floor' runs some
	$(BIN)/python tests/benchmarks/run.py $(ONLY)

images: $(VENV)/installed-test ## the pictures of the dashboards, made in a browser: nbs/images
	$(BIN)/python tests/browser/make_images.py

sync: $(VENV)/installed-test ## regenerate everything that comes from the notebooks
	$(BIN)/python -m bpm_nb.dev.sync

check-sync: $(VENV)/installed-test ## fail where a generated file differs from its notebook
	$(BIN)/python -m bpm_nb.dev.sync --check

clean: ## remove the environment, the caches and the results of the demo
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .hypothesis raman.html raman.csv
	find . -name __pycache__ -prune -exec rm -rf {} +

needs_demo := .
needs_test := .[dev]
needs_core := .[core-tests]
needs_lint := .[lint]
# one of the dashboards does quantum chemistry
needs_lab := .[widgets,reference,smiles]
# pages are run: most need the widgets and quantum chemistry at most
needs_docs := .[docs,widgets,reference,liquids,smiles]
needs_course := .[docs,reference,liquids,smiles]
needs_bench := .[dev,bench]

# A stamp is older than a changed pyproject.toml: then the requirements are installed again.
$(VENV)/installed-%: pyproject.toml | $(BIN)/python
ifdef UV
	uv pip install --python $(BIN)/python -e "$(needs_$*)"
else
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip
	$(BIN)/python -m pip install --disable-pip-version-check --no-input -e "$(needs_$*)"
endif
	@touch $@

$(BIN)/python:
	@rm -rf $(VENV)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "bpm_nb needs Python 3.11 or newer, and $(PYTHON) is not: name another one, as in  make PYTHON=python3.12 ..." >&2; exit 1; }
ifdef UV
	uv venv --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV)
else
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo "$(PYTHON) cannot make virtual environments: install python3-venv (apt install python3-venv) or uv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
endif
