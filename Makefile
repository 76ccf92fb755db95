# Everything starts here: `make` lists the targets. The work is done by `python -m stacks` and `python -m analysis`,
# whose exit codes (0 as expected, 1 could not measure, 2 usage, 3 an unexpected verdict) make folds to its own 2.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

venv := .venv
python := $(venv)/bin/python
stamp := $(venv)/.complete
# 0.9 is the first whose options are all used here; the lock file and the tests were made with 0.13.
uv_wanted := uv>=0.9,<1

# What may be said to `make loadtest`, as make variables or in the environment. $(value) takes them as they were typed:
# make would otherwise expand a `$` in them, and $(shell) would run.
options := STACK VERSION SCENARIO RATE TRIALS USERS DURATION MAX_REQUESTS WORKERS THREADS MAX_REQUESTS_DELTA \
  MIN_WORKER_LIFETIME LISTEN SEED STOP CONFIDENCE
quoted = '$(subst ','\'',$(value $(1)))'
flag = $(if $(value $(1)),--$(2)=$(call quoted,$(1)))
arguments = $(call flag,STACK,stack) $(call flag,VERSION,version) $(call flag,SCENARIO,scenario) $(call flag,RATE,rate) \
  $(call flag,TRIALS,trials) $(call flag,USERS,users) $(call flag,DURATION,duration) \
  $(call flag,MAX_REQUESTS,max-requests) $(call flag,WORKERS,workers) $(call flag,THREADS,threads) \
  $(call flag,MAX_REQUESTS_DELTA,max-requests-delta) $(call flag,MIN_WORKER_LIFETIME,min-worker-lifetime) \
  $(call flag,LISTEN,listen) $(call flag,SEED,seed) \
  $(call flag,STOP,stop) $(call flag,CONFIDENCE,confidence) $(call said,APP,app) $(call said,ENV,env)

# These have names that an environment may use for something else, so only the command line of make counts.
said = $(if $(filter command,$(firstword $(origin $(1)))),$(call flag,$(1),$(2)))
check_arguments = $(call said,INI,ini) $(call said,UWSGI,uwsgi) $(call said,APP,app) $(call said,CHDIR,chdir) \
  $(call said,URL,url) $(call said,ARGS,args) $(call said,JUNIT,junit) $(call said,JSON,json)
capacity_arguments = $(call flag,VERSION,version) $(call said,UNFIXED,unfixed) $(call said,APP,app) \
  $(call said,CPU_MS,cpu-ms) $(call said,IO_MS,io-ms) $(call said,MEMORY_MB,memory-mb) $(call flag,WORKERS,workers) \
  $(call flag,THREADS,threads) $(call flag,TRIALS,trials) $(call flag,SEED,seed) \
  $(call said,DEMAND,demand) $(call said,SLO_P99,slo-p99) $(call said,HEADROOM,headroom)
report_arguments = $(call said,DEMAND,demand) $(call said,SLO_P99,slo-p99) $(call said,HEADROOM,headroom) \
  $(if $(VERIFY),--verify)
ui_arguments = $(call said,UI_PORT,port) $(call flag,SCENARIO,scenario) $(call said,URL,url) \
  $(call said,PID,pid) $(call said,ARGS,args)
ifeq ($(origin RESULTS),undefined)
RESULTS := $(or $(PACK_RESULTS),results)/latest
endif

unexport $(options) DRY_RUN INI UWSGI APP CHDIR URL PID UI_PORT ARGS JUNIT JSON DEMAND SLO_P99 HEADROOM VERIFY RESULTS ENV \
  UNFIXED CPU_MS IO_MS MEMORY_MB

.PHONY: help setup loadtest ui matrix bisect claims check capacity report notebooks test lint unit integration bench-observer bench-generator clean

help: ## list the targets
	@echo 'Do the workers come back? Targets:'
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1 \2/p' Makefile | awk '{ printf "  %s %-12s", $$1, $$2; $$1 = $$2 = ""; print }'
	@echo 'loadtest takes $(options),'
	@echo 'as in: make loadtest TRIALS=5 SEED=7; a wrong name lists the right ones.'

setup: $(stamp) ## make .venv with everything in it (a Python >= 3.11 is looked for; PYTHON= names one)

# An environment without its stamp was interrupted half-way, and one whose stamp names another directory was moved or
# copied, scripts that start the old place included. Both are made anew, as is one whose Python has gone.
ifneq ($(shell test -x $(python) && cat $(stamp) 2>/dev/null),$(CURDIR))
$(stamp): anew
.PHONY: anew
endif

# `ensurepip` is what Debian and Ubuntu leave out of their python3 package.
suitable := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
define find_python
for python in "$${PYTHON:-python3}" python3 python3.13 python3.12 python3.11 python3.14 python3.15 \
    "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.1[1-9]*/bin/python3; do \
  if "$$python" -c '$(suitable)' >/dev/null 2>&1; then break; fi; python=; \
done; \
if [ -z "$$python" ]; then \
  echo 'make setup: no Python >= 3.11 that runs and can make environments was found on PATH or among the versions of' \
    'pyenv. Install one (on Debian and Ubuntu: python3 and python3-venv), or name it: make setup PYTHON=/path/to/python3' >&2; \
  exit 1; \
fi
endef

# uv never takes a lock file made with one index for another one, so with a mirror the locked versions and hashes
# are installed without comparing the lock file with pyproject.toml.
define sync
if [ -z "$${UV_DEFAULT_INDEX-}$${UV_INDEX_URL-}$${UV_INDEX-}$${UV_EXTRA_INDEX_URL-}" ]; then \
  $(venv)/bin/uv sync --locked --compile-bytecode --python $(python); \
else \
  $(venv)/bin/uv export --quiet --frozen --output-file $(venv)/locked.txt && \
  $(venv)/bin/uv pip install --require-hashes --compile-bytecode --python $(python) -r $(venv)/locked.txt; \
fi
endef

$(stamp): pyproject.toml uv.lock
	@unset VIRTUAL_ENV UV_PYTHON; export UV_PROJECT_ENVIRONMENT=$(venv); \
	if ! [ -x $(python) ] || [ "$$(cat $(stamp) 2>/dev/null)" != "$$(pwd -P)" ]; then \
	  $(find_python); \
	  echo "setup: making $(venv) with $$python"; \
	  rm -rf $(venv) && "$$python" -m venv $(venv) && \
	  PIP_USER=0 $(python) -m pip install -qq --disable-pip-version-check '$(uv_wanted)' || exit 1; \
	fi; \
	rm -f $(stamp); \
	echo 'setup: installing what uv.lock names'; \
	{ $(sync); } || { \
	  echo 'make setup: uv could not install what uv.lock names (its reason stands above). A mirror of the package index' \
	    'is named to uv with UV_DEFAULT_INDEX, not in the configuration of pip.' >&2; \
	  exit 1; \
	}; \
	printf '%s\n' "$$(pwd -P)" > $(stamp)

loadtest: setup ## the main job: do the workers come back, in which cells, how fast and how often
	@exec $(python) -m stacks loadtest $(arguments)

matrix: setup ## the same stacks at every version; goes on where it was interrupted; DRY_RUN=1 prints the plan
	@exec $(python) -m stacks matrix $(if $(DRY_RUN),--dry-run) $(filter-out --stop=%,$(arguments))

bisect: setup ## the version at which a stack changes: STACK=threads VERSION=3.12 (all pins) or VERSION=2.0.26 (all Pythons)
	@exec $(python) -m stacks bisect $(call flag,STACK,stack) $(call flag,VERSION,version) \
	  $(call flag,CONFIDENCE,confidence)

claims: setup ## what public write-ups say about the bug, put to the test (4 minutes)
	@exec $(python) -m stacks claims $(call flag,TRIALS,trials)

ui: setup ## Locust's web UI with the workers in it: [UI_PORT=8089 SCENARIO= URL= PID= ARGS=]
	@exec $(python) locustfiles/workers_ui $(ui_arguments)

check: setup ## your own uWSGI: INI= [UWSGI= APP= CHDIR= URL= ARGS= JUNIT= JSON=]
	@exec $(python) -m stacks check $(check_arguments)

capacity: setup ## measure for a capacity plan and write it: [DEMAND= APP= CPU_MS= IO_MS= WORKERS= ...] (4 minutes)
	@exec $(python) -m stacks capacity $(capacity_arguments)

report: setup ## a capacity plan from RESULTS=: DEMAND=400 SLO_P99=200ms HEADROOM=25% [VERIFY=1]
	@exec $(python) -m analysis report $(report_arguments) $(call quoted,RESULTS)

notebooks: setup ## the notebooks, executed on RESULTS= to HTML and .ipynb beside them
	@exec $(python) -m analysis notebooks $(call quoted,RESULTS)

test: ## lint and all tests, as CI runs them
	@sh .ci/run

lint: setup ## ruff (lint and format), mypy --strict, and which room may import which
	$(python) -m ruff check
	$(python) -m ruff format --check
	$(python) -m mypy
	$(venv)/bin/lint-imports --no-cache

unit: setup ## the tests without uWSGI: seconds
	$(python) -m pytest -m 'not uwsgi'

integration: setup ## the tests on real uWSGI from the wheels: minutes
	$(python) -m pytest -m uwsgi

bench-observer: setup ## does watching change what is watched: pairs with and without the observer (3 minutes)
	$(python) -m tests.benchmarks.observer

bench-generator: setup ## our client beside FastHttpUser and wrk -t1, in one run (6 minutes)
	PYTHONPATH=. $(python) tests/benchmarks/generator.py

# Not .venv, whose bytecode halves the start of Locust, and never results.
clean: ## remove the caches and .venvs (the servers under test); results/ and .venv stay
	rm -rf .venvs .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -path ./$(venv) -prune -o -path ./results -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +
