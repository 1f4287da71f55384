# The two commands of this project are `make run` and `make test`; `make help` lists the rest.
PYTHON ?= python3
PROFILE ?= configs/laptop.yaml
WEB_PROFILE ?= configs/web.yaml
VENV := .venv
BIN := $(VENV)/bin
export DO_NOT_TRACK := true
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export MLFLOW_DISABLE_TELEMETRY := true
export DVC_NO_ANALYTICS := 1
export GX_ANALYTICS_ENABLED := false
export HF_HUB_DISABLE_TELEMETRY := 1
export PREFECT_HOME := $(CURDIR)/stores/prefect
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# On every core, where pip takes one; a few files are for other Pythons.
COMPILE := $(BIN)/python -m compileall -qq -j 0 -x '/tests?/'

.PHONY: help setup run run-web test bench ui serve lint clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/'

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --no-compile -c constraints.txt torch==2.13.0
	$(BIN)/pip install -q --no-compile -c constraints.txt -e '.[dev,web,cluster,ray]'
	$(COMPILE) $(VENV)/lib src pipelines || true
	touch $@

setup: $(VENV)/.installed ## install the pinned dependencies into .venv and create the stores
	$(BIN)/jamel init

run: setup ## the whole loop on the embedded device: collect ... register
	$(BIN)/python -m pipelines.retrain --config $(PROFILE)

run-web: setup ## the whole loop on web apps in a Chromium: fetch, collect ... register
	$(BIN)/jamel web fetch
	$(BIN)/python -m pipelines.retrain --config $(WEB_PROFILE)

lint: $(VENV)/.installed ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Three on two cores: each now and then waits for a server or a device.
test: setup lint ## everything CI runs
	$(BIN)/dvc dag > /dev/null
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

bench: setup ## device, web, label, training and decision speed; appended to docs/bench.jsonl
	$(BIN)/jamel bench

ui: setup ## MLflow, Prefect, report and data docs on loopback
	$(BIN)/jamel ui

serve: setup ## as ui, and run the deployments of prefect.yaml: nightly, hourly, on events
	$(BIN)/jamel serve

clean: ## remove what a run made, keep the environment and the stores
	rm -rf build
