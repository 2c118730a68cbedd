# make demo     the example cohort, from its download to the library page
# make library  the phases in turn: what stays equal in one spares the work of the next
# make plan     what would run, and why; at most, because an equal result stops there
# make test     the tests; check: format, lint, types; bench NAME=demo: a benchmark; lock: pin envs anew
# make extras   the engines nnunet and totalsegmentator, for those who have weights for them
# Say CORES=4, LIBRARY=/data/library, CONFIG=my.yaml, PROFILE=profiles/slurm, PYTHON=python3.12 to vary.
PYTHON = python3
CORES = all
LIBRARY = .
CONFIG =
PROFILE =
NAME = demo
TESTS = tests
# quoted below for the sake of spaces, so the shell expands no tilde
override LIBRARY := $(patsubst ~/%,$(HOME)/%,$(LIBRARY))
override CONFIG := $(patsubst ~/%,$(HOME)/%,$(CONFIG))
override PROFILE := $(patsubst ~/%,$(HOME)/%,$(PROFILE))
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.PHONY: demo library plan test check bench extras lock

BIN := .venv/bin
READY := .venv/installed-from-lock
MEMORY_MB = $(shell $(BIN)/python -c "import os; print(os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') // 10**6)")
# one machine has so much memory; a profile knows its own limits
LIMITS = $(if $(PROFILE),--profile "$(PROFILE)",--resources mem_mb=$(MEMORY_MB))
# --cores stands last because the options before it would swallow a target
SNAKEMAKE = $(BIN)/snakemake --directory "$(LIBRARY)" $(LIMITS) $(if $(CONFIG),--configfile "$(CONFIG)") --cores $(CORES)

demo: $(READY)
	$(SNAKEMAKE) example
	$(MAKE) library

library: $(READY)  # a case that crashed in one phase does not keep the others from the next
	-$(SNAKEMAKE) ingested
	-$(SNAKEMAKE) judged
	$(SNAKEMAKE) all

plan: $(READY)
	$(SNAKEMAKE) --dry-run all | $(BIN)/python scripts/plan.py

test: $(READY)
	$(BIN)/pytest --numprocesses 2 --dist loadfile $(TESTS)

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint

bench: $(READY)
	$(SNAKEMAKE) --forcerun benchmark_$(NAME) -- bench_$(NAME)
	$(BIN)/python scripts/show_benchmark.py "$(LIBRARY)/results/benchmark/$(NAME).json"

extras: $(READY)
	$(BIN)/pip install --no-deps --requirement envs/extras.txt --progress-bar off

RESOLVE = $(BIN)/pip install --dry-run --ignore-installed --quiet --report -
lock: $(READY)
	$(RESOLVE) --requirement envs/requirements.in | $(BIN)/python envs/generate.py lock
	$(RESOLVE) --requirement envs/extras.in --constraint envs/requirements.txt \
		| $(BIN)/python envs/generate.py extras

$(READY): envs/requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15) and f"Python 3.11 to 3.14 is needed, this is {sys.version}; say PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --requirement $< --progress-bar off
	touch $@
