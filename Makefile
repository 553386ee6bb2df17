# `make demo` and `make test` work in a fresh clone; each target sets up what it needs first.

BIN := .venv/bin
PAGES := app/pages
SONG ?=
OUT ?=

.PHONY: help setup demo serve test test-failures test-ml check format bench contact-sheet schema lock clean

help:
	@echo "make demo            render a song into a video (SONG=your.mp3, OUT=film.mp4)"
	@echo "make serve           the server on http://127.0.0.1:8000"
	@echo "make test            the tests; make test-failures: those of the promises, and what is slow"
	@echo "make test-ml         the tests of trained models, with torch, in an environment of their own"
	@echo "make check           ruff, mypy, import-linter"
	@echo "make bench           every figure that the README quotes"
	@echo "make contact-sheet   the README's picture;  make schema: the GraphQL snapshot;  make lock: the pins"

setup: .venv/.project .venv/.pages .venv/.clients

# Tried, not assumed: a pyenv shim exists for versions that are not switched on.
.venv/.locked: requirements-dev.lock
	@for python in python3.11 python3.12 python3; do \
	  if $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' \
	    2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "Starling needs Python 3.11 or 3.12 with venv on PATH (on Debian: python3.11 and python3.11-venv)." >&2; \
	  exit 1; \
	fi; \
	$(BIN)/python -c '' 2>/dev/null || $$found -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

.venv/.project: .venv/.locked pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# The pages' scripts are served from here, so that they work offline; Node comes from a wheel of the lock.
.venv/.pages: .venv/.locked $(PAGES)/package-lock.json
	$(BIN)/python -m app.pages.install
	@touch $@

# The clients from npm that tests follow jobs with.
.venv/.clients: .venv/.locked tests/clients/package-lock.json
	$(BIN)/python -m tests.clients.install
	@touch $@

demo: setup
	$(BIN)/starling demo $(if $(SONG),"$(SONG)") $(if $(OUT),--output "$(OUT)")

serve: setup
	$(BIN)/starling serve

# Two at once, each with engines of its own. Those of the promises measure how long things take: one at a time.
test: setup
	$(BIN)/python -m pytest -m "not slow and not promise" -n 2 --dist loadfile --no-loadscope-reorder

test-failures: setup
	$(BIN)/python -m pytest -m "slow or promise" $(if $(FIGURES),--figures="$(FIGURES)")

# Beside the locked packages and seeing them, so that what is tested without torch stays without it.
.venv-ml/.installed: .venv/.locked requirements-ml.txt
	$(BIN)/python -m venv --clear .venv-ml
	@site='import sysconfig; print(sysconfig.get_path("purelib"))' && \
	$(BIN)/python -c "$$site" > "$$(.venv-ml/bin/python -c "$$site")/locked.pth"
	.venv-ml/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-ml.txt
	@touch $@

test-ml: setup .venv-ml/.installed
	.venv-ml/bin/python -m pytest tests/ml

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup
	$(BIN)/python -m bench

contact-sheet: setup
	$(BIN)/python -m bench.contact_sheet

schema: setup
	$(BIN)/starling schema > schema.graphql.new
	mv schema.graphql.new schema.graphql

# Both locks are made from pyproject.toml alone, for every platform, by a uv that is thrown away.
lock:
	@tools=$$(mktemp -d) && trap 'rm -rf "$$tools"' EXIT && \
	python3 -m venv "$$tools" && "$$tools/bin/pip" install --quiet uv && \
	compile="$$tools/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --quiet --upgrade" && \
	$$compile --output-file requirements.lock && \
	$$compile --extra dev --output-file requirements-dev.lock

clean:
	rm -rf .venv .venv-ml out $(PAGES)/node_modules tests/clients/node_modules
