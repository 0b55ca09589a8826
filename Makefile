# entente: every task of the project. `make` alone lists them; `make demo` and `make test` set up what they need.
#
# Two stages, both kept: .boot holds uv (from PyPI, pinned here), .venv what uv.lock names. The demo needs only
# what entente itself runs on; `--inexact` leaves the tools of `make test` alone, so that going from one to the
# other installs nothing twice.

SHELL := /bin/sh
.SHELLFLAGS := -eu -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

UV_VERSION := 0.13.9
BIN := .venv/bin
FAST := $(wildcard tests/unit tests/vectors tests/properties tests/protocol)

# Where PYTHON is not given, the first of these that is at least 3.11 and can make a virtual environment.
PYTHONS := $(or $(PYTHON),python3 python3.13 python3.12 python3.11)

export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := .venv
# Compiled files are kept: else each of the hundreds of processes that tests start compiles all of it again.
unexport VIRTUAL_ENV PYTHONHOME PYTHONPATH PYTHONDONTWRITEBYTECODE
UV := .boot/bin/uv --quiet

UV_STAMP := .boot/uv-$(UV_VERSION).stamp
RUN_STAMP := .venv/run.stamp
DEV_STAMP := .venv/dev.stamp

.PHONY: help demo test check lint types page-types page-tools screenshots imports unit system suite compiled long coverage docs bench fmt lock apt clean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r target text; do \
		printf '  make %-10s %s\n' "$$target" "$$text"; done

demo: $(RUN_STAMP) ## the main job on the public record of 2016, as real processes; make demo ARGS=--stay
	@$(BIN)/entente demo $(ARGS)

# What waits runs beside what computes; the suites, which need both cores, run by themselves and last.
test: $(DEV_STAMP) ## everything that CI runs, the demo end to end included
	@status=0; \
	$(MAKE) --keep-going --jobs 2 --output-sync=target apt demo lint imports compiled docs types || status=$$?; \
	$(MAKE) suite || status=$$?; \
	exit $$status

check: lint types imports docs unit ## the quick part of `make test`

lint: $(DEV_STAMP) ## ruff: rules and format
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

types: $(DEV_STAMP) page-types ## mypy, strict; the page's types besides
	@$(BIN)/mypy --num-workers 2

page-types: $(DEV_STAMP) ## the page's JavaScript against the types in its comments, where there is npm
	@$(BIN)/python -m tools.page_types

page-tools: $(DEV_STAMP) ## what looks at the page: types and axe-core, from npm where there is one
	@$(BIN)/python -m tools.page_types --install

screenshots: $(DEV_STAMP) ## pictures of every view of the page, to be looked at; make screenshots ARGS=./folder
	@$(BIN)/python -m tools.page_screenshots $(ARGS)

imports: $(DEV_STAMP) ## the floors: which room may import which
	@$(BIN)/lint-imports --no-logo

unit: $(DEV_STAMP) ## the quick suites, with the network taken away; make unit ARGS='-k fork'
	@if unshare --net true 2>/dev/null; then cut='unshare --net'; \
	elif unshare --net --map-current-user true 2>/dev/null; then cut='unshare --net --map-current-user'; \
	else cut=''; echo 'unit: SKIPPED taking the network away from the whole process: unshare --net is not' \
		'permitted here; tests/conftest.py still refuses sockets in Python'; fi; \
	$$cut $(BIN)/pytest -x $(FAST) $(ARGS)

system: $(DEV_STAMP) ## the suites with real processes, sockets and strace; make system ARGS='-k kill'
	@$(BIN)/pytest tests/system $(ARGS)

compiled: $(DEV_STAMP) ## what is compiled at run time, ahead: else each process that needs it does so
	@$(BIN)/python -m tools.compile_ahead

# Three processes, since the system suite waits much; tests/conftest.py says which tests stay together in one of them.
suite: $(DEV_STAMP) compiled ## all suites in one run but for what is marked long, branch coverage of the quick ones measured
	@echo 'suite: NOT RUN here are the tests marked long, for their time: make long'
	@$(BIN)/pytest -m 'not long' --numprocesses 3 --dist loadscope --cov --cov-report=term-missing $(ARGS)

long: $(DEV_STAMP) compiled ## what takes minutes and tries the same again from farther away: 72 hours by the clock, lying centers and dead lines before a real browser
	@$(BIN)/pytest -m long $(ARGS)

coverage: $(DEV_STAMP) ## branch coverage of the quick suites, line by line
	@$(BIN)/pytest --cov --cov-report=term-missing $(FAST) $(ARGS)

docs: $(DEV_STAMP) ## links resolve, snippets run, help texts are the program's own
	@$(BIN)/python -m tools.check_docs

bench: $(DEV_STAMP) ## measure one room: make bench ROOM=record
	@if [ -z '$(ROOM)' ] || [ ! -e 'bench/$(ROOM).py' ]; then echo 'bench: expected ROOM=one of:' \
		"$$(ls bench | sed -n 's/^\([a-z][a-z_]*\)\.py$$/\1/p' | tr '\n' ' '), got '$(ROOM)'" >&2; exit 2; fi
	@case '$(ROOM)' in deconflict|deconflict_files) \
		$(UV) sync --frozen --python .boot/bin/python --group peers --inexact;; esac
	@case '$(ROOM)' in deconflict|deconflict_files|blind*) \
		$(UV) pip install --python $(BIN)/python --no-deps --require-hashes --requirements bench/flights.txt \
			|| echo 'bench: SKIPPED installing the samples of flights' >&2;; esac
	@case '$(ROOM)' in blind) \
		$(UV) pip install --python $(BIN)/python --target .boot/openmined --require-hashes \
			--requirements bench/openmined.txt || echo 'bench: SKIPPED installing OpenMined PSI' >&2;; esac
	@$(BIN)/python -m bench.$(ROOM) $(ARGS)
	@case '$(ROOM)' in deconflict) $(BIN)/python -m bench.deconflict_files $(ARGS);; \
		blind) $(BIN)/python -m bench.blind_grid $(ARGS); $(BIN)/python -m bench.blind_whole $(ARGS);; esac

fmt: $(DEV_STAMP) ## put the code into the one format, mend what ruff can mend safely
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

lock: $(UV_STAMP) ## resolve the dependencies anew into uv.lock; make lock ARGS=--upgrade
	@$(UV) lock $(ARGS)

apt: ## Debian's packages that some system tests need, where we may install them
	@tools/install_system_packages.sh

clean: ## remove everything that is made here, the environments included
	@rm -rf .boot .venv .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage \
		tools/page/node_modules tools/page/stage build dist
	@find src tests bench tools -name __pycache__ -type d -prune -exec rm -rf {} +

$(UV_STAMP):
	@tools/make_boot_environment.sh .boot '$(UV_VERSION)' $(PYTHONS)
	@touch $@

$(RUN_STAMP): $(UV_STAMP) uv.lock pyproject.toml
	@echo 'entente: installing what it runs on into .venv'
	@$(UV) sync --frozen --python .boot/bin/python --no-dev --extra pictures --extra bulk --inexact
	@touch $@

$(DEV_STAMP): $(UV_STAMP) uv.lock pyproject.toml
	@echo 'entente: installing what it runs on, and the tools of its tests, into .venv'
	@$(UV) sync --frozen --python .boot/bin/python
	@touch $(RUN_STAMP) $@
