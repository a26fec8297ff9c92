# The entry points. `make drill` and `make test` do everything that a fresh Debian 12 needs, and can be run again.
SHELL := /bin/bash -o pipefail
PYTHON ?= python3
BIN := .venv/bin
DRILLBOOK := $(BIN)/drillbook
SCENARIOS := $(filter-out __init__,$(basename $(notdir $(wildcard drills/scenarios/*.py))))
ROUNDS ?= 1
# The drills of the lab use these roles all the time, so their scenarios belong to the long form of the tests.
LONG_SCENARIOS := backup bookings key_rotation load_balancer
LEFT_OUT := $(if $(filter 1,$(DRILLBOOK_ALL_TESTS)),,$(addprefix --exclude ,$(LONG_SCENARIOS)))
PYTEST := $(BIN)/pytest --durations=12

.PHONY: help setup drill drills-all test lint unit contract beside prepared lab service molecule lab-tests bench render down clean

help: ## this text
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

setup: .venv/ready ## install what is missing: system packages, the virtual environment

.venv/ready: requirements.txt pyproject.toml lab/install.sh
	@lab/install.sh $(PYTHON)
	@touch $@

drill: lab ## lab up, then the drill db_failover
	@$(DRILLBOOK) run db_failover

drills-all: lab ## every scenario, one after the other, to the last; ROUNDS=3 for three rounds
	@for round in $$(seq $(ROUNDS)); do for scenario in $(SCENARIOS); do \
	  $(DRILLBOOK) run $$scenario || failed="$$failed $$scenario (exit code $$?)"; done; done; \
	  [ -z "$$failed" ] || { echo "not met:$$failed"; exit 1; }

test: lint unit contract beside lab-tests ## everything; the long ones as well with DRILLBOOK_ALL_TESTS=1

lint: setup ## style, types, and that no page differs from its playbook
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/yamllint --strict .
	$(BIN)/ansible-lint --offline --strict
	$(BIN)/codespell
	$(DRILLBOOK) runbooks check

unit: setup ## tests that need no lab
	$(PYTEST) --numprocesses 2 --dist loadfile tests --ignore tests/lab --ignore tests/contract --ignore tests/bookings

contract: setup ## what the parts of this repository promise each other
	$(PYTEST) tests/contract

# They wait more than they work, so two of them wait together; what each says is shown as a whole.
beside: setup
	@$(MAKE) --jobs 2 --output-sync=target molecule service lab

prepared: setup
	@$(DRILLBOOK) lab prepare

lab: prepared ## the lab's hosts, up and provisioned
	@$(DRILLBOOK) lab up

service: prepared ## the bookings service with a real PostgreSQL, on the packages that its hosts have
	mkdir -p .lab/releases && $(BIN)/python lab/release.py all --to .lab/releases > .lab/releases/digests.json
	$(DRILLBOOK) lab exec -- sh -c 'podman run --rm --network none --env PYTHONDONTWRITEBYTECODE=1 \
	  --volume $(CURDIR):$(CURDIR):ro --workdir $(CURDIR) "$$DRILLBOOK_LAB_IMAGE" \
	  python3 -m pytest -p no:cacheprovider --confcutdir tests/bookings tests/bookings'

molecule: prepared ## each role on hosts of its own
	$(DRILLBOOK) lab exec -- molecule --base-config .config/molecule/config.yml test --all $(LEFT_OUT)

lab-tests: lab ## drills on the lab, and sabotage that they must notice
	$(PYTEST) tests/lab

bench: lab ## failover, rollback, restore and renewal, each against its floor
	$(BIN)/python bench/rollback.py
	$(BIN)/python bench/failover.py
	$(BIN)/python bench/renewal.py
	$(BIN)/python bench/restore.py

render: setup ## write the pages of the runbooks anew
	$(DRILLBOOK) runbooks render

down: ## take the lab away
	@[ ! -x $(DRILLBOOK) ] || $(DRILLBOOK) lab down

clean: down ## take the lab, its images and the virtual environment away
	@[ ! -x $(DRILLBOOK) ] || $(DRILLBOOK) lab down --purge
	rm -rf .venv .lab .mypy_cache .ruff_cache .pytest_cache
