# `make` lists the targets. The recipes call `python -m stacks` and `python -m analysis`. Where these end with exit code
# 1 (could not measure), 2 (usage) or 3 (an unexpected verdict), make ends with its own exit code 2.
#
# Comments with two or three `#` are the help. `### ` begins a group of targets. `## TARGET: QUESTION` is a line of the
# list. The lines below it, and below `## TARGET TARGET:`, are what `make help T=TARGET` shows.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: help licences loadtest matrix bisect claims libraries ui check watch observe collect capacity report notebooks setup test lint unit integration \
  bench clean

venv := .venv
python := $(venv)/bin/python
# One file for each part of the packages that is installed; each part contains the parts before it.
stamp := $(venv)/.complete
stamp_analysis := $(venv)/.complete-analysis
stamp_notebooks := $(venv)/.complete-notebooks
stamp_dev := $(venv)/.complete-dev
# 0.9 is the first version that has every option used here. The lock file and the tests were made with 0.13.
uv_wanted := uv>=0.9,<1

# -- from make variables to options --------------------------------------------------------------

# These variables change the plan of a campaign. They may come from the command line of make or from the environment.
plan_variables := STACK VERSION SCENARIO RATE TRIALS USERS DURATION MAX_REQUESTS WORKERS THREADS MAX_REQUESTS_DELTA \
  MIN_WORKER_LIFETIME LISTEN SEED LANES CONFIDENCE STOP
# $(value) takes a value as it was typed. Otherwise make would expand a `$` in it, and $(shell) would run.
quoted = '$(subst ','\'',$(value $(1)))'
flag = $(if $(value $(1)),--$(2)=$(call quoted,$(1)))
# For variables whose names an environment may use for something else: only the command line of make counts.
typed_flag = $(if $(filter command,$(firstword $(origin $(1)))),$(call flag,$(1),$(2)))

plan_arguments = $(call flag,STACK,stack) $(call flag,VERSION,version) $(call flag,SCENARIO,scenario) \
  $(call flag,RATE,rate) $(call flag,TRIALS,trials) $(call flag,USERS,users) $(call flag,DURATION,duration) \
  $(call flag,MAX_REQUESTS,max-requests) $(call flag,WORKERS,workers) $(call flag,THREADS,threads) \
  $(call flag,MAX_REQUESTS_DELTA,max-requests-delta) $(call flag,MIN_WORKER_LIFETIME,min-worker-lifetime) \
  $(call flag,LISTEN,listen) $(call flag,SEED,seed) $(call flag,LANES,lanes) $(call flag,CONFIDENCE,confidence) \
  $(call typed_flag,APP,app) $(call typed_flag,ENV,env)
check_arguments = $(call typed_flag,INI,ini) $(call typed_flag,UWSGI,uwsgi) $(call typed_flag,APP,app) \
  $(call typed_flag,CHDIR,chdir) $(call typed_flag,URL,url) $(call typed_flag,ARGS,args) \
  $(call typed_flag,WAYS,ways) $(call typed_flag,SLOW_URL,slow-url) $(if $(DEEP),--deep) \
  $(call typed_flag,LIMITS,limits) $(if $(STATIC),--static) $(call typed_flag,JUNIT,junit) $(call typed_flag,JSON,json)
watch_arguments = $(call typed_flag,PID,pid) $(call typed_flag,INI,ini) $(call typed_flag,PIDFILE,pidfile) \
  $(if $(ALL),--all) $(if $(ONCE),--once) $(if $(JSON_LINES),--json) $(call typed_flag,METRICS,metrics) \
  $(call typed_flag,LISTEN,listen) $(call typed_flag,OTLP,otlp) $(call typed_flag,RECORD,record) \
  $(call typed_flag,RECORD_MB,record-mb) $(call typed_flag,ON_HANG,on-hang) $(if $(HEAL),--heal)
observe_arguments = $(call typed_flag,MASTER,master) $(call typed_flag,LOCATION,location) $(call flag,STACK,stack) \
  $(call flag,VERSION,version) $(call typed_flag,ADDRESS,address) $(call flag,WORKERS,workers) \
  $(call flag,MAX_REQUESTS,max-requests) $(call flag,THREADS,threads) $(call typed_flag,URL,url) \
  $(call typed_flag,PID,pid)
demand_arguments = $(call typed_flag,DEMAND,demand) $(call typed_flag,SLO_P99,slo-p99) \
  $(call typed_flag,HEADROOM,headroom)
capacity_arguments = $(call flag,VERSION,version) $(call typed_flag,UNFIXED,unfixed) $(call typed_flag,APP,app) \
  $(call typed_flag,CPU_MS,cpu-ms) $(call typed_flag,IO_MS,io-ms) $(call typed_flag,MEMORY_MB,memory-mb) \
  $(call flag,WORKERS,workers) $(call flag,THREADS,threads) $(call flag,TRIALS,trials) $(call flag,SEED,seed) \
  $(demand_arguments)
libraries_arguments = $(if $(DRY_RUN),--dry-run) $(if $(WRITE),--write) $(call typed_flag,NAME,name) \
  $(call typed_flag,PIN,pin) $(call typed_flag,MODE,mode) $(call flag,VERSION,version) $(call flag,TRIALS,trials) \
  $(call typed_flag,RESULTS,results)
ui_arguments = $(call typed_flag,UI_PORT,port) $(call typed_flag,LISTEN,listen) $(call flag,SCENARIO,scenario) $(call typed_flag,URL,url) \
  $(call typed_flag,PID,pid) $(call typed_flag,ARGS,args)
ifeq ($(origin RESULTS),undefined)
RESULTS := $(or $(PACK_RESULTS),results)/latest
endif

# The stacks under test must not see the variables that are options here.
unexport $(plan_variables) T DRY_RUN INI UWSGI APP CHDIR URL PID PIDFILE ALL ONCE JSON_LINES METRICS OTLP \
  RECORD RECORD_MB ON_HANG HEAL UI_PORT ARGS JUNIT JSON DEMAND SLO_P99 HEADROOM VERIFY \
  HOSTS MASTER LOCATION ADDRESS RUN RESULTS ENV UNFIXED CPU_MS IO_MS MEMORY_MB NAME PIN MODE WRITE WAYS SLOW_URL DEEP \
  PART QUICK \
  LIMITS STATIC

# -- variables that a target does not have --------------------------------------------------------

# make ignores a variable that no rule reads, such as TRAILS=1. So the variables of the command line are compared with
# those that the help of the targets shows. Every target takes those of `setup` as well, which comes first, and PACK_*,
# UV_* and what make itself knows. The nearest name counts as meant if at most a third of its letters differ.
wrong_variables_awk = \
  function least(x, y) { return x < y ? x : y } \
  function distance(a, b,  i, j, same, d) { \
    for (i = 0; i <= length(a); i++) d[i, 0] = i; \
    for (j = 0; j <= length(b); j++) d[0, j] = j; \
    for (i = 1; i <= length(a); i++) for (j = 1; j <= length(b); j++) { \
      same = substr(a, i, 1) == substr(b, j, 1); \
      d[i, j] = least(d[i - 1, j - 1] + !same, 1 + least(d[i - 1, j], d[i, j - 1])); \
    } \
    return d[length(a), length(b)]; \
  } \
  function nearest(name, names,  other, apart, least_apart, near) { \
    least_apart = 1 + int(length(name) / 3); \
    for (other in names) { \
      apart = distance(toupper(name), other); \
      if (apart < least_apart) { least_apart = apart; near = other } \
    } \
    return near; \
  } \
  BEGIN { goal_count = split(ENVIRON["GOALS"], goals, " "); typed_count = split(ENVIRON["TYPED"], typed, " ") } \
  /^\#\# [a-z]/ { targets = substr($0, 3, index($0, ":") - 3) } \
  /^\#\#   [A-Z_0-9]+=/ { \
    name = substr($2, 1, index($2, "=") - 1); \
    owners[name] = owners[name] targets; \
    for (i = 0; i <= goal_count; i++) if (index(targets " ", " " (i ? goals[i] : "setup") " ")) taken[name]; \
  } \
  END { \
    for (i = 1; i <= typed_count; i++) { \
      name = typed[i]; \
      if (name in taken || name ~ /^(PACK_|UV_|MAKE|SHELL|-)/) continue; \
      text = text "make " ENVIRON["GOALS"] " has no variable " name "="; \
      near = name in owners ? "" : nearest(name, taken); \
      if (near == "" && !(name in owners)) near = nearest(name, owners); \
      if (name in owners) text = text ", which belongs to:" owners[name]; \
      else if (near != "") text = text " (did you mean " near "=?)"; \
      text = text "; "; \
    } \
    if (text) print text "`make help T=" goals[1] "` shows its variables"; \
  }
goals := $(or $(MAKECMDGOALS),help)
typed := $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))
ifneq ($(strip $(typed)),)
wrong_variables := $(shell \
  GOALS=$(call quoted,goals) TYPED=$(call quoted,typed) awk $(call quoted,wrong_variables_awk) Makefile)
ifneq ($(wrong_variables),)
$(error $(wrong_variables))
endif
endif

# -- the targets ---------------------------------------------------------------------------------

help:
ifeq ($(origin T),command line)
	@awk -v target=$(call quoted,T) ' \
	  /^## [a-z]/ { names = " " substr($$0, 4, index($$0, ":") - 4) " "; is_shown = index(names, " " target " ") } \
	  /^## [a-z].*: ./ && is_shown { print "make " substr($$0, 4); is_known = 1 } \
	  /^##  / && is_shown { print substr($$0, 4) } \
	  END { if (!is_known) { \
	    print "make help: there is no target " target ". `make` lists the targets." > "/dev/stderr"; exit 2 } } \
	  ' Makefile
else
	@echo 'Do the workers come back? Choose a question, and run its command.'
	@echo '`make help T=check` shows the variables of one command, with an example.'
	@awk '/^### / { print "\n" substr($$0, 5) } \
	  /^## [a-z-]+: ./ { printf "  %-66s make %s\n", substr($$0, index($$0, ": ") + 2), substr($$2, 1, length($$2) - 1) } \
	  ' Makefile
endif

### The stacks of this pack
## loadtest: Do the workers come back, and do the remedies help? (80 s)
##   It runs the plan of stacks/loadtest.toml and prints a table of verdicts. These variables narrow or change the plan:
## matrix: Do the workers come back at every version of uWSGI and Python?
##   It continues where an earlier matrix was interrupted. Without STACK= it takes the stacks of stacks/loadtest.toml.
##   DRY_RUN=1                prints the plan and its duration, and runs nothing
## loadtest matrix:
##   STACK=NAMES              names of stacks, separated by commas; for `make matrix` also: all
##   VERSION=IDS              versions, separated by commas: ids (py312-2.0.26), pins (2.0.26) or Pythons (3.12)
##   SCENARIO=NAME            a scenario of locustfiles/, or the path of any locustfile
##   RATE=400                 requests that arrive each second; only for SCENARIO=open
##   TRIALS=3                 runs of each cell (a stack at a version)
##   USERS=32                 number of Locust users
##   DURATION=2               length of the load window in seconds
##   WORKERS=16               number of uWSGI workers
##   MAX_REQUESTS=10          requests after which a worker recycles
##   THREADS=4                threads of each worker
##   MAX_REQUESTS_DELTA=5     how many requests later each further worker recycles
##   MIN_WORKER_LIFETIME=10   seconds before which no worker recycles
##   LISTEN=128               length of the queue of waiting connections
##   APP=PATH                 your own WSGI file instead of the app of the stack
##   ENV="NAME=VALUE ..."     environment variables for the app
##   SEED=7                   seed of the random order of the runs
##   LANES=1                  how many runs have their load at the same time (2 for the stacks of the default plan)
##   CONFIDENCE=1%            make enough respawns to rule out this hang rate at 95 % confidence
## loadtest:
##   HOSTS=FILE               runs on the machines that this file names, by ssh; see stacks/hosts/README.md
##   STOP=wait                measures how long uWSGI takes to stop after one INT, a minute or more
##   Example: make loadtest STACK=threads VERSION=2.0.26,2.0.30.post1 TRIALS=5
## matrix:
##   Example: make matrix STACK=threads,threads-lazy VERSION=2.0.26,2.0.30.post1

loadtest: setup
	@exec $(python) -m stacks loadtest $(plan_arguments) $(call flag,STOP,stop) $(call typed_flag,HOSTS,hosts)

matrix: setup
	@exec $(python) -m stacks matrix $(if $(DRY_RUN),--dry-run) $(plan_arguments)

## bisect: Which version broke a stack, or repaired it?
##   STACK=threads            the stack, one name
##   VERSION=3.12             a Python, to search all pins; or a pin, such as 2.0.26, to search all Pythons
##   CONFIDENCE=10%           hang rate that every good version rules out at 95 % confidence
##   Example: make bisect STACK=threads VERSION=3.12
bisect: setup
	@exec $(python) -m stacks bisect $(call flag,STACK,stack) $(call flag,VERSION,version) \
	  $(call flag,CONFIDENCE,confidence)

## claims: Is it true what is written about the bug? (4 minutes)
##   It tests the statements of stacks/claims.toml.
##   TRIALS=2                 runs of each cell
##   Example: make claims TRIALS=1
claims: setup
	@exec $(python) -m stacks claims $(call flag,TRIALS,trials)

## libraries: What do real libraries do below a fork? (half an hour)
##   It runs each library of stacks/libraries.toml in three modes. It continues where it was interrupted.
##   NAME=NAMES               libraries, separated by commas; the first word of a name is enough
##   PIN=3.11.3               another version of the package of the one library that NAME= names
##   MODE=NAMES               preforking, lazy-apps, fork-hooks, separated by commas
##   VERSION=ID               a version of Python and uWSGI
##   TRIALS=3                 runs of each library in each mode
##   DRY_RUN=1                prints the plan and its duration, and runs nothing
##   RESULTS=DIR              makes the page of this campaign again, and runs nothing
##   WRITE=1                  writes the page to stacks/LIBRARIES.md as well
##   Example: make libraries NAME=apscheduler PIN=3.11.3 VERSION=py313-2.0.30.post1
libraries: setup
	@exec $(python) -m stacks libraries $(libraries_arguments)

## ui: Can I watch the workers in the web UI of Locust?
##   UI_PORT=8089             port of the web UI
##   LISTEN=0.0.0.0           lets other machines connect too; by default only this one can. After a comma: host names
##   SCENARIO=steady          a scenario of locustfiles/, or the path of any locustfile
##   URL=http://HOST:PORT     a stack that is running already, instead of a stack of this pack
##   PID=1234                 pid of the uWSGI master behind URL=; the UI then shows its workers, and never signals them
##   ARGS="--processes 2"     further options of Locust
##   Example: make ui UI_PORT=8090
ui: setup
	@exec $(python) locustfiles/workers_ui $(ui_arguments)

### Your own uWSGI
## check: Do my own workers come back, and what should I change?
##   INI=FILE                 configuration: ini, yaml, json or xml, if needed with :section
##   UWSGI=PATH               uWSGI binary, such as venv/bin/uwsgi (default: that on PATH)
##   APP=MODULE:CALLABLE      instead of the app in the configuration; or FILE.py:CALLABLE, relative to CHDIR=
##   CHDIR=DIR                where uWSGI starts (default: the directory of the configuration)
##   URL=/PATH                page to request
##   ARGS="--http :8000 ..."  further uWSGI options, as on its command line
##   WAYS=NAMES               ways out and back to take: reload, recycle, death, stop, all, or a name such as touch-reload
##   SLOW_URL=/PATH           page that takes longer than 2 s, for the way harakiri
##   DEEP=1                   takes each way as often as rules out a hang rate of 5 %
##   LIMITS=FILE              toml file with limits in its table [check], such as max-lost = 0 or max-recycle = "2s"
##   STATIC=1                 says what is known of this version and these options, and starts nothing
##   JUNIT=FILE               writes a JUnit report to this file
##   JSON=FILE                writes the result to this file
##   Example: make check INI=/etc/uwsgi/app.ini UWSGI=/srv/app/venv/bin/uwsgi CHDIR=/srv/app
check: setup-check
	@exec $(python) -m stacks check $(check_arguments)

## watch: Do the workers of my production uWSGI hang?
##   It looks from outside, without a restart, a signal or a debugger. Run it as root, or as the user of the uWSGI.
##   PID=1234                 pid of the uWSGI master, or of an emperor
##   INI=FILE                 every master that was started with this file
##   PIDFILE=FILE             the master whose pid is in this file
##   ALL=1                    every master on this host
##   ONCE=1                   prints a table and ends; without it, a live view shows the workers
##   JSON_LINES=1             prints a line of JSON for each change instead
##   METRICS=9117             answers http://127.0.0.1:9117/metrics for Prometheus
##   LISTEN=0.0.0.0           lets other machines ask for the metrics too; after a comma: host names
##   OTLP=URL                 also sends the metrics to this OpenTelemetry endpoint
##   RECORD=DIR               records, so that `make notebooks RESULTS=DIR` reads it; the page is DIR/report.html
##   RECORD_MB=256            size of all recordings in DIR; the oldest are removed
##   ON_HANG="CMD ..."        runs a command for each hang, with the facts in its environment (HANG_PID, HANG_REASON, ...)
##   HEAL=1                   ends workers that are proven to hang with SIGKILL, a few at a time
##   Example: make watch PIDFILE=/run/uwsgi/app.pid
watch: setup
	@exec $(python) -m stacks watch $(watch_arguments)

### Many machines
## observe: Do the workers come back under the load of other machines?
##   It runs a stack on this machine, or watches a uWSGI that runs here, for a distributed Locust; see stacks/hosts/README.md.
##   MASTER=10.0.0.1          the machine of Locust's master; after a colon: the port
##   LOCATION=URL             where all machines leave their rows: a shared directory, s3://, gs:// or az://
##   STACK=NAME               a stack of this pack
##   VERSION=ID               a version of Python and uWSGI
##   ADDRESS=10.0.0.4:8080    where the stack listens, so that the other machines reach it
##   WORKERS=16               number of uWSGI workers
##   MAX_REQUESTS=10          requests after which a worker recycles
##   THREADS=4                threads of each worker
##   URL=http://HOST:PORT     a uWSGI that runs here already, instead of a stack
##   PID=1234                 pid of its master
##   Example: make observe MASTER=10.0.0.1 LOCATION=/mnt/results STACK=threads VERSION=py312-2.0.26 ADDRESS=10.0.0.4:8080
observe: setup
	@exec $(python) -m stacks observe $(observe_arguments)

## collect: How do I get the results of many machines onto this one?
##   RUN=LOCATION/CAMPAIGN    the run in its results location; `python -m analysis summary` reads the copy in results/
##   Example: make collect RUN=/mnt/results/night
collect: setup
	@exec $(python) -m stacks collect $(call quoted,RUN)

### Capacity
## capacity: How many workers do I need? (4 minutes)
##   It measures, and writes capacity.html with the plan and the cost of recycling. The defaults are in stacks/capacity.toml.
##   VERSION=ID               version that the plan is made for
##   UNFIXED=ID               version that hangs; it shows the time until a total outage
##   APP=PATH                 your own WSGI file instead of an app with these sizes:
##   CPU_MS=1                 CPU time of a request
##   IO_MS=19                 time that a request waits
##   MEMORY_MB=16             memory that the import of the app allocates
##   WORKERS=16               largest number of workers to measure
##   THREADS=4                threads of a second curve; 1 measures no second curve
##   TRIALS=2                 runs of each size
##   SEED=1                   seed of the random order of the runs
## report: What do existing results mean for another demand?
##   It writes capacity.html beside the results.
##   RESULTS=DIR              the results directory (default: results/latest)
##   VERIFY=1                 also runs the recommendation under the demand
## capacity report:
##   DEMAND=400               peak requests per second
##   SLO_P99=200ms            time limit for 99 % of the requests
##   HEADROOM=25%             capacity to keep above the demand
## capacity:
##   Example: make capacity DEMAND=400 SLO_P99=200ms HEADROOM=25%
## report:
##   Example: make report DEMAND=250 VERIFY=1

capacity: setup
	@exec $(python) -m stacks capacity $(capacity_arguments)

report: setup
	@exec $(python) -m analysis report $(demand_arguments) $(if $(VERIFY),--verify) $(call quoted,RESULTS)

## notebooks: How do I look into the results myself?
##   It executes the notebooks, and writes HTML and .ipynb files beside the results.
##   RESULTS=DIR              the results directory (default: results/latest)
##   Example: make notebooks
notebooks: setup-notebooks
	@exec $(python) -m analysis notebooks $(call quoted,RESULTS)

### This pack on this machine
## help: What are the variables of a command?
##   T=TARGET                 the command
##   Example: make help T=check

## setup: How do I install what the pack needs?
##   It makes .venv from uv.lock. Every target that needs .venv does this first, with the packages that it needs:
##   `make check` needs least, `make notebooks` needs Jupyter, and `make test` and `make lint` need all.
##   PYTHON=PATH              the Python, 3.11 or newer, to make .venv with (default: it searches PATH and pyenv)
##   UV_DEFAULT_INDEX=URL     in the environment: a mirror of the package index
##   Example: make setup PYTHON=/usr/bin/python3.12
setup: $(stamp_analysis)

## licences: Under which licences are the packages that the pack needs?
##   It lists those that are installed, and ends with an error if one may forbid commercial use.
##   Example: make licences
licences: setup-check
	@exec $(python) -m stacks licences

.PHONY: setup-check setup-notebooks setup-dev
setup-check: $(stamp)
setup-notebooks: $(stamp_notebooks)
setup-dev: $(stamp_dev)

# .venv is made anew in three cases: its stamp is missing, because an earlier setup was interrupted; its stamp names
# another directory, because somebody moved or copied it, and its scripts still start the old one; its Python is missing.
ifneq ($(shell test -x $(python) && cat $(stamp) 2>/dev/null),$(CURDIR))
$(stamp) $(stamp_analysis) $(stamp_notebooks) $(stamp_dev): anew
.PHONY: anew
endif

# Debian and Ubuntu leave `ensurepip` out of their package python3.
suitable := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
define find_python
for python in "$${PYTHON:-python3}" python3 python3.13 python3.12 python3.11 python3.14 python3.15 \
    "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.1[1-9]*/bin/python3; do \
  if "$$python" -c '$(suitable)' >/dev/null 2>&1; then break; fi; python=; \
done; \
if [ -z "$$python" ]; then \
  echo 'make setup: there is no Python >= 3.11 on PATH, or in pyenv, that can make environments. Install one (on Debian' \
    'and Ubuntu: python3 and python3-venv), or name one: make setup PYTHON=/path/to/python3' >&2; \
  exit 1; \
fi
endef

# An environment with uv and without pip, which takes 7 s to install. uv comes from PATH if it is new enough, otherwise
# from the package index, through the pip of that Python. A Python without pip makes an environment with one.
define make_venv
{ case "$$(uv --version 2>/dev/null)" in 'uv 0.9.'* | 'uv 0.'[1-9][0-9].*) \
    "$$python" -m venv --without-pip $(venv) && ln -s "$$(command -v uv)" $(venv)/bin/uv ;; \
  *) \
    if "$$python" -m pip --version >/dev/null 2>&1; then \
      "$$python" -m venv --without-pip $(venv) && \
      PIP_USER=0 "$$python" -m pip --python $(python) install -qq --disable-pip-version-check '$(uv_wanted)'; \
    fi; \
    [ -x $(venv)/bin/uv ] || { rm -rf $(venv); "$$python" -m venv $(venv) && \
      PIP_USER=0 $(python) -m pip install -qq --disable-pip-version-check '$(uv_wanted)'; } ;; \
  esac; }
endef

# uv refuses a lock file that was made with another package index. So with a mirror, it installs the locked versions and
# hashes without comparing the lock file with pyproject.toml.
define sync
if [ -z "$${UV_DEFAULT_INDEX-}$${UV_INDEX_URL-}$${UV_INDEX-}$${UV_EXTRA_INDEX_URL-}" ]; then \
  $(venv)/bin/uv sync --quiet --locked --inexact $(parts) --python $(python); \
else \
  $(venv)/bin/uv export --quiet --frozen $(parts) --output-file $(venv)/locked.txt && \
  $(venv)/bin/uv pip install --quiet --require-hashes --python $(python) -r $(venv)/locked.txt; \
fi
endef

$(stamp): parts := --no-dev
$(stamp_analysis): parts := --no-dev --extra analysis
$(stamp_notebooks): parts := --no-dev --extra analysis --extra notebooks
$(stamp_dev): parts := --all-extras
$(stamp): stamps := $(stamp)
$(stamp_analysis): stamps := $(stamp) $(stamp_analysis)
$(stamp_notebooks): stamps := $(stamp) $(stamp_analysis) $(stamp_notebooks)
$(stamp_dev): stamps := $(stamp) $(stamp_analysis) $(stamp_notebooks) $(stamp_dev)

$(stamp) $(stamp_analysis) $(stamp_notebooks) $(stamp_dev): pyproject.toml uv.lock
	@unset VIRTUAL_ENV UV_PYTHON; export UV_PROJECT_ENVIRONMENT=$(venv); \
	if ! [ -x $(python) ] || [ "$$(cat $(stamp) 2>/dev/null)" != "$$(pwd -P)" ]; then \
	  $(find_python); \
	  echo "setup: making $(venv) with $$python"; \
	  rm -rf $(venv); $(make_venv) || exit 1; \
	fi; \
	rm -f $(stamps); \
	echo 'setup: installing the packages of uv.lock (without a cache this takes a minute)'; \
	{ $(sync); } || { \
	  echo 'make setup: uv could not install the packages of uv.lock; it says why above. uv takes a mirror of the package' \
	    'index from UV_DEFAULT_INDEX in the environment, not from the configuration of pip.' >&2; \
	  exit 1; \
	}; \
	for stamp in $(stamps); do printf '%s\n' "$$(pwd -P)" > "$$stamp"; done

## test: Does everything work here? (12 minutes)
##   It runs lint and all tests, as CI does.
##   Example: make test
test:
	@sh .ci/run

## lint: Does the code keep its rules?
##   It runs ruff (rules and format), mypy --strict, and the check of which room imports which.
##   Example: make lint
lint: setup-dev
	$(python) -m ruff check
	$(python) -m ruff format --check
	$(python) -m mypy
	$(venv)/bin/lint-imports --no-cache

## unit: Does the code work, without uWSGI? (minutes)
##   Example: make unit
unit: setup-dev
	$(python) -m pytest -m 'not uwsgi'

## integration: Does the code work with real uWSGI? (minutes)
##   Example: make integration
integration: setup-dev
	$(python) -m pytest -m uwsgi

## bench: How large is the error of the pack itself? (20 minutes; each part takes 1 to 5)
##   It measures the pack beside its peers, and writes results/bench/*.json and results/bench/bench.html.
##   PART=NAMES               parts: time_to_verdict observer stats_polls stamps generator run_cost verdict report omission
##                            and, only by its name, report_large (1e8 rows, 10 minutes)
##   QUICK=1                  only what takes seconds, as in CI
##   Example: make bench PART=observer
bench: setup-dev
	@exec $(python) -m tests.benchmarks.bench $(PART) $(if $(QUICK),--quick)

## clean: How do I remove the caches and the servers under test?
##   It removes the caches and .venvs. It keeps results/, and .venv, because its bytecode halves the start of Locust.
##   Example: make clean
clean:
	rm -rf .venvs .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -path ./$(venv) -prune -o -path ./results -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +
