# Two commands on a fresh machine (Python 3.11 or 3.12, pip, node, npm, make): `make demo` and `make test`.
# The first interpreter that really runs and fits: a name on PATH can be a version manager's empty shim.
PYTHON ?= $(shell for p in python3.12 python3.11 python3; do \
  $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null && { echo $$p; break; }; done)
BIN := $(CURDIR)/.venv/bin
export PATH := $(BIN):$(CURDIR)/node_modules/.bin:$(PATH)
# uv trusts what the machine trusts, as git and pip do: a company's own certificate works.
export UV_SYSTEM_CERTS := 1

.PHONY: help setup demo test check bench soak storm mutants docs clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' Makefile | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: .venv/.done .venv-ape/.done node_modules/.done  ## build .venv (with the trimtab command), .venv-ape and node_modules

.venv/.done: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo 'trimtab needs Python 3.11 or 3.12 on PATH: install one, or run make PYTHON=/path/to/python3.12 setup'; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check uv==0.13.9
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --group dev --group docs --editable .
	@touch $@

# ape wants numpy 1 and web3 7: it lives apart, with trimtab itself, which runs on both.
.venv-ape/.done: pyproject.toml constraints-ape.txt .venv/.done
	$(PYTHON) -m venv .venv-ape
	$(BIN)/uv pip install --quiet --python .venv-ape/bin/python --constraint constraints-ape.txt --group ape --editable .
	@touch $@

node_modules/.done: package.json src/trimtab/world/packages.json .venv/.done
	npm install --no-package-lock --loglevel=error
	$(BIN)/trimtab world fetch --dest node_modules
	@touch $@

demo: .venv/.done node_modules/.done  ## hedge an option book on the genuine contracts, killing the hedger once; writes out/report.html
	$(BIN)/trimtab demo --crash-at 5 --json out/demo.json --report out/report.html

test: setup  ## all tests but the soak runs
	scripts/test

check: setup  ## ruff, format, mypy, import contract, artifacts and slither of the contracts
	scripts/check

bench: setup  ## speed beside peers, as ratios, into out/bench.json
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --group bench
	$(BIN)/python -m benchmarks --out out/bench.json

soak: export TRIMTAB_EXPLORE := 1
soak: setup  ## the long runs: random actions on every venue, all demo seeds, every crash point, new random cases
	scripts/test
	$(BIN)/pytest -m soak --timeout 3600 tests
	scripts/ape tests/onchain -m soak --timeout 3600

SEED ?= 1
storm: setup  ## 2,000 transactions through lies, kills and reorgs (SEED=1 chooses which), into out/storm.json
	$(BIN)/python -m tests.storm --seed $(SEED) --out out/storm.json

mutants: setup  ## take each guard of the transaction engine away, and show the test that fails; writes out/mutants.json
	$(BIN)/python -m tests.tx.mutation --out out/mutants.json

docs: setup  ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

clean:  ## remove everything that was built
	rm -rf .venv .venv-ape node_modules out site dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
