# Everything a person or a CI machine does with this project; `make help` lists it.
# Each target does its own set-up: in the active environment, if there is one, otherwise in .venv.

PYTHON ?= python3
ENV := $(or $(VIRTUAL_ENV),$(CONDA_PREFIX),.venv)
PY = "$(ENV)/bin/python"
SCHEMA = "$(ENV)/bin/check-jsonschema" --quiet --builtin-schema
OTTER = .venv-otter/bin/python
LAB = .venv-lab/bin/python
NOTEBOOKS ?= $(sort $(wildcard book/*.ipynb))

# Whose book is published: owner/name at GitHub. A workflow knows it from its environment.
REPO ?= $(GITHUB_REPOSITORY)

# Two workers of one thread each: more would only fight for the two cores this is planned for.
PYTEST = OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist loadfile

# Notebooks run in their own folder, so a relative path would not be found from there. (Not by
# make's abspath, which takes a folder's name with a space for two; and `override` also reaches what
# stands behind `make`.)
ifdef KERV_DATA
ABSOLUTE := import os, sys; print(os.path.abspath(os.path.expanduser(sys.argv[1])))
override export KERV_DATA := $(shell $(PYTHON) -c '$(ABSOLUTE)' "$(KERV_DATA)")
endif

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help book test check notebooks assignments grade records api status format clean setup otter lint pdf offline publish-preview push-notebooks address links newest oldest audit colab-check colab-image test-code test-notebooks test-pages test-grading test-jupyterlab lab

help:
	@echo "make book       build the site in _build/html"
	@echo "make test       every test that needs no GPU: code, notebooks, pages"
	@echo "make check      the quick part of it: ruff, mypy, unit tests"
	@echo "make notebooks  run the notebooks and store their outputs (NOTEBOOKS=... for some)"
	@echo "make api        write the list of names of the package from its docstrings"
	@echo "make status     run every chapter and write down what ran, where, how long"
	@echo "make assignments KEY=...  notebooks and graders for a class, in _build/assignments"
	@echo "make grade ASSIGNMENT=02_kernel_trick SUBMISSIONS=folder  its notebooks' points, as a table"
	@echo "make records    run what the book's comparisons still lack (hours; KERV_DATA=folder)"
	@echo "make pdf        the book as one PDF, and make offline: site and notebooks as zips"
	@echo "make publish-preview REPO=owner/name  what that repository publishes, in _build/publish"
	@echo "make colab-check  run the notebooks as on Colab, in .venv-colab with Colab's packages"
	@echo "make links, make audit, make newest, make oldest   links, known holes, versions (weekly)"
	@echo "make format     let ruff lay out the code"
	@echo "make address REPO=owner/name  once in a fork: writes its address into the book"
	@echo "make clean      remove what was built; .venv stays"
	@echo "Uses the active environment, otherwise .venv made with PYTHON=python3 (3.10 or newer)."

# From nothing, so that no page stays that is no longer part of the book. What a class got stays.
book: setup
	for built in _build/*; do [ "$$built" = _build/assignments ] || rm -rf "$$built"; done
	"$(ENV)/bin/jupyter-book" build . -W --keep-going -n --all -q

# -k: a part that fails does not keep the others from running.
test: setup
	@echo "Datasets: $(if $(KERV_DATA),$(KERV_DATA) and textures,textures only (set KERV_DATA to a folder with CIFAR-10 and MNIST to test those too))"
	@for name in chromium chromium-browser google-chrome; do command -v $$name; done | grep -q . || \
	    echo "Chromium: not found, so the built pages are not tested (apt-get install chromium)"
	@$(MAKE) -k --no-print-directory lint test-notebooks test-pages test-code test-grading test-jupyterlab

check: setup lint
	$(PYTEST) -m "not slow and not pages and not grading and not jupyterlab"

lint: setup
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(SCHEMA) vendor.github-workflows .github/workflows/*.yml
	$(SCHEMA) vendor.github-issue-forms .github/ISSUE_TEMPLATE/*.yml
	$(SCHEMA) vendor.dependabot .github/dependabot.yml
	$(SCHEMA) vendor.citation-file-format CITATION.cff

test-code: setup
	$(PYTEST) -m "not pages and not grading and not jupyterlab"

test-notebooks: setup
	$(PYTEST) -c tests/nbval.ini --rootdir . --nbval-lax --nbval-current-env --nbval-cell-timeout=300 book

test-pages: book
	$(PY) -m pytest -m pages -rs tests

test-grading: otter
	OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist loadgroup -m grading tests/test_grading.py tests/test_limits.py

# JUPYTER_PATH leads to the browser's part of ipywidgets, which lies in the other environment.
test-jupyterlab: lab
	JUPYTER_PATH="$(abspath $(ENV))/share/jupyter" OMP_NUM_THREADS=1 $(LAB) -m pytest -m jupyterlab -rs tests/test_jupyterlab.py

# KEY reaches the command through the environment, as it was typed: it may hold any character.
ifdef KEY
override export KEY := $(value KEY)
endif
assignments: otter
	$(OTTER) book/exercises/_make/build.py _build/assignments $(ASSIGNMENTS)

grade: otter
	$(OTTER) book/exercises/_make/grade.py "_build/assignments/$(ASSIGNMENT)/autograder.zip" "$(SUBMISSIONS)"

notebooks: setup
	$(PY) book/_ext/run_notebooks.py $(NOTEBOOKS)

api: setup
	$(PY) book/_ext/api_page.py

# On a machine that does nothing else.
status: setup
	$(PY) book/_ext/status_page.py $(NOTEBOOKS)

records: setup
	$(PY) -m kerv.studies --run
	$(PY) -m kerv.robustness --run

pdf: setup
	$(PY) book/_ext/offline.py pdf . _build/kerv-book.pdf

offline: book
	$(PY) book/_ext/offline.py site _build/html _build/kerv-site.zip
	$(PY) book/_ext/offline.py notebooks . _build/kerv-notebooks.zip

# The site and the notebooks with the address of REPO in them; nothing here changes.
publish-preview: setup
	rm -rf _build/publish
	$(PY) book/_ext/publish.py "$(REPO)" _build/publish
	"$(ENV)/bin/jupyter-book" build _build/publish/source -W --keep-going -n --all -q
	mv _build/publish/source/_build/html _build/publish/site
	$(PY) book/_ext/offline.py site _build/publish/site _build/publish/downloads/kerv-site.zip
	$(PY) book/_ext/offline.py notebooks _build/publish/source _build/publish/downloads/kerv-notebooks.zip
	$(PY) book/_ext/offline.py pdf _build/publish/source _build/publish/downloads/kerv-book.pdf
	mv _build/publish/downloads _build/publish/site/downloads

# Where there may be no environment: git and any Python.
push-notebooks:
	"$(PYTHON)" book/_ext/push_notebooks.py _build/publish/notebooks colab

# Once, where the book gets its home: writes REPO for the address in _config.yml, wherever it occurs.
address: setup
	$(PY) book/_ext/publish.py "$(REPO)"

links: setup
	rm -rf _build/links
	$(PY) book/_ext/publish.py "$(REPO)" _build/links
	"$(ENV)/bin/jupyter-book" build _build/links/source --builder linkcheck --all -q

newest: setup
	$(PY) -m pip install --quiet --upgrade --upgrade-strategy eager -r requirements.txt -e '.[book,dev]'
	$(PY) -m pip list --outdated

# The package with the oldest torch, figures and widgets that pyproject.toml allows. Warnings of these
# versions are no errors, that torch's fake tensors ask for a driver of CUDA, and its compiler warns on
# a clean start.
OLDEST_PACKAGES = torch==2.6.* torchvision==0.21.* matplotlib==3.8.* ipywidgets==7.7.* safetensors==0.4.*
OLDEST = conv kernels layers numerics init convert models light attacks checkpoint train course settings
OLDEST += evaluation records audit plots read_off widgets
oldest:
	"$(PYTHON)" -m venv _build/oldest
	_build/oldest/bin/python -m pip install --quiet $(OLDEST_PACKAGES:%='%') -e '.[book,dev]'
	OMP_NUM_THREADS=1 _build/oldest/bin/python -m pytest -n 2 --dist loadfile -W default \
	    -k "not fake_cuda and not fake_gpu and not no_warning" $(OLDEST:%=tests/test_%.py)

# From an environment of its own: it must not change the one that it looks at. --strict: what could not
# be looked up was not found to be free of holes. The package itself is installed as editable.
audit: setup
	$(PY) -m venv _build/audit
	_build/audit/bin/python -m pip install --quiet 'pip-audit>=2.7'
	$(PY) -m pip freeze --exclude-editable > _build/audit/packages.txt
	_build/audit/bin/pip-audit --progress-spinner off --strict --disable-pip --no-deps \
	    --requirement _build/audit/packages.txt

# With COLAB_PYTHON=python3 in the Python that is there, as inside Colab's own image.
colab-check:
ifndef COLAB_PYTHON
	"$(PYTHON)" -m venv .venv-colab
	.venv-colab/bin/python -m pip install --quiet --disable-pip-version-check -r book/_ext/colab-packages.txt
endif
	"$(or $(COLAB_PYTHON),.venv-colab/bin/python)" book/_ext/colab_check.py $(NOTEBOOKS)

# Needs docker, and COLAB_IMAGE=the address of the public runtime image.
colab-image:
	docker run --rm --volume "$(CURDIR):/book" --workdir /book --env GITHUB_REPOSITORY \
	    --entrypoint make "$(COLAB_IMAGE)" colab-check COLAB_PYTHON=python3

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

# Otter's own environment lies on top of the other: it sees torch and the rest there, adds what Otter
# needs, and changes nothing in it. A kernel of its own, or notebooks might run in another Python.
otter: setup
	@want="$(CURDIR) $(ENV) $$(cat book/exercises/_make/requirements.txt | cksum)"; \
	stamp=.venv-otter/.installed; \
	if [ "$$(cat $$stamp 2>/dev/null)" = "$$want" ]; then exit 0; fi; \
	echo "Making .venv-otter for the graders: about a minute."; \
	rm -rf .venv-otter && $(PY) -m venv .venv-otter && \
	site=$$($(OTTER) -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && \
	$(PY) -c 'import sysconfig; print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))' > "$$site/book.pth" && \
	echo "$(CURDIR)/book/exercises/_make/grader" > "$$site/grader.pth" && \
	$(OTTER) -m pip install --quiet --disable-pip-version-check -r book/exercises/_make/requirements.txt && \
	$(OTTER) -m ipykernel install --sys-prefix >/dev/null && echo "$$want" > $$stamp

# JupyterLab lies on top of the other environment in the same way.
lab: setup
	@want="$(CURDIR) $(ENV)"; \
	stamp=.venv-lab/.installed; \
	if [ "$$(cat $$stamp 2>/dev/null)" = "$$want" ]; then exit 0; fi; \
	echo "Making .venv-lab for JupyterLab: about a minute."; \
	rm -rf .venv-lab && $(PY) -m venv .venv-lab && \
	site=$$($(LAB) -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && \
	$(PY) -c 'import sysconfig; print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))' > "$$site/book.pth" && \
	$(LAB) -m pip install --quiet --disable-pip-version-check 'jupyterlab>=4.2' && \
	$(LAB) -m ipykernel install --sys-prefix >/dev/null && echo "$$want" > $$stamp
