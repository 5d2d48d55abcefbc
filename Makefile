# Everything a person or a CI machine does with this project; `make help` lists it.
# Each target does its own set-up: in the active environment, if there is one, otherwise in .venv.

PYTHON ?= python3
ENV := $(or $(VIRTUAL_ENV),$(CONDA_PREFIX),.venv)
PY = "$(ENV)/bin/python"
NOTEBOOKS ?= $(sort $(wildcard book/*.ipynb))

# Two workers of one thread each: more would only fight for the two cores this is planned for.
PYTEST = OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist loadfile

# Notebooks run in their own folder, so a relative path would not be found from there.
ifdef KERV_DATA
export KERV_DATA := $(abspath $(KERV_DATA))
endif

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help book test check notebooks records api status format clean setup lint test-code test-notebooks test-pages

help:
	@echo "make book       build the site in _build/html"
	@echo "make test       every test that needs no GPU: code, notebooks, pages"
	@echo "make check      the quick part of it: ruff, mypy, unit tests"
	@echo "make notebooks  run the notebooks and store their outputs (NOTEBOOKS=... for some)"
	@echo "make api        write the list of names of the package from its docstrings"
	@echo "make status     run every chapter and write down what ran, where, how long"
	@echo "make records    run what the book's comparisons still lack (hours; KERV_DATA=folder)"
	@echo "make format     let ruff lay out the code"
	@echo "make clean      remove what was built; .venv stays"
	@echo "Uses the active environment, otherwise .venv made with PYTHON=python3 (3.10 or newer)."

# From nothing, so that no page stays that is no longer part of the book.
book: setup
	rm -rf _build
	"$(ENV)/bin/jupyter-book" build . -W --keep-going -n --all -q

# -k: a part that fails does not keep the others from running.
test: setup
	@echo "Datasets: $(if $(KERV_DATA),$(KERV_DATA) and textures,textures only (set KERV_DATA to a folder with CIFAR-10 and MNIST to test those too))"
	@command -v chromium chromium-browser google-chrome | grep -q . || \
	    echo "Chromium: not found, so the built pages are not tested (apt-get install chromium)"
	@$(MAKE) -k --no-print-directory lint test-notebooks test-pages test-code

check: setup lint
	$(PYTEST) -m "not slow and not pages"

lint: setup
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

test-code: setup
	$(PYTEST) -m "not pages"

test-notebooks: setup
	$(PYTEST) -c tests/nbval.ini --rootdir . --nbval-lax --nbval-current-env --nbval-cell-timeout=300 book

test-pages: book
	$(PY) -m pytest -m pages -rs tests/test_pages.py

notebooks: setup
	$(PY) book/_ext/run_notebooks.py $(NOTEBOOKS)

api: setup
	$(PY) book/_ext/api_page.py

# On a machine that does nothing else.
status: setup
	$(PY) book/_ext/status_page.py $(NOTEBOOKS)

records: setup
	$(PY) -m kerv.studies --run

format: setup
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

clean:
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis book/.ruff_cache *.egg-info
	find kerv tests book -name __pycache__ -type d -exec rm -rf {} +

# The stamp lies in the environment and names this folder and the requirements: another
# environment, another checkout or a changed requirement installs again, nothing else does.
setup:
	@want="$(CURDIR) $$(cat requirements.txt pyproject.toml | cksum)"; \
	stamp="$(ENV)/.kerv-installed"; \
	if [ -x $(PY) ] && [ "$$(cat "$$stamp" 2>/dev/null)" = "$$want" ]; then exit 0; fi; \
	base=$(PY); [ "$(ENV)" != .venv ] || base="$(PYTHON)"; \
	"$$base" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || { \
	    echo "Python 3.10 or newer is needed, and $$base is $$("$$base" --version 2>&1). Leave that environment, or name another Python: make PYTHON=python3.12"; \
	    exit 1; }; \
	[ -x $(PY) ] || "$$base" -m venv --clear "$(ENV)" || { rm -rf "$(ENV)"; exit 1; }; \
	echo "Installing into $(ENV): some minutes and some GB the first time, for torch above all."; \
	$(PY) -m pip install --quiet -r requirements.txt -e '.[book,dev]' && echo "$$want" > "$$stamp"
