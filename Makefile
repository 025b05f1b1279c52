# make report: the report of the sample runs, in reports/. make test: all tests.
# Both set up .venv the first time, and again when their lock changes.

RUNS ?= run_2 run_3 run_4
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: report test lint wheel bench fuzz docs lock audit support clean

report: $(VENV)/.ready
	@$(BIN)/run-reports report $(RUNS) $(ARGS)

test: $(VENV)/.ready-dev
	$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.ready-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# Source distribution and wheel, in dist/.
wheel: $(VENV)/.ready-dev
	rm -rf dist
	$(BIN)/python -m hatchling build

bench: $(VENV)/.ready-dev
	@$(BIN)/python benchmarks/report.py $(ARGS)
	@$(BIN)/python benchmarks/batch.py
	@$(BIN)/python benchmarks/evidence.py
	@$(BIN)/python benchmarks/long_csv.py 1e6
	@$(BIN)/python benchmarks/long_logs.py 1e6

# 10,000 random logs that must read as written, and 10,000 damaged ones that must read or be refused in a line:
# others with each FUZZ_FROM.
fuzz: $(VENV)/.ready-dev
	FUZZ=50 $(BIN)/python -m pytest --dist load tests/sources/test_random_logs.py $(ARGS)

# The documentation as a site, in site/.
docs: $(VENV)/.ready-dev
	@$(BIN)/python -m pip install -q -e '.[docs]'
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

$(VENV)/.ready: requirements.txt pyproject.toml
	$(call install,$<)

$(VENV)/.ready-dev: requirements-dev.txt pyproject.toml
	$(call install,$<)

# The real writers and servers that sources are tested against: large, so only here and in continuous integration.
$(VENV)/.ready-ci: requirements-ci.txt pyproject.toml
	$(call install,$<)
	@touch $(VENV)/.ready-dev

# The first interpreter that is new enough; a name may exist and still not run (a version manager's shim).
define install
@set -e; \
echo "Setting up $(VENV) from $(1) (a minute or two the first time)"; \
if ! $(BIN)/python -c '' 2>/dev/null; then \
  for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python; do \
    if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then break; fi; python=; \
  done; \
  if [ -z "$$python" ]; then echo "No Python 3.11 or newer found; install one, or name it: make PYTHON=/path/to/python3"; exit 1; fi; \
  rm -rf $(VENV); \
  if command -v uv >/dev/null; then uv venv -q --seed --python $$python $(VENV); else $$python -m venv $(VENV); fi; \
fi; \
if command -v uv >/dev/null; then pip="uv pip install -q --python $(BIN)/python --compile-bytecode"; \
else pip="$(BIN)/python -m pip install -q"; fi; \
$$pip --no-deps --require-hashes -r $(1); \
$$pip --no-deps --no-build-isolation -e .; \
touch $@
endef

# One set of versions for every supported Python (3.11 to 3.14) and system, with the hashes of all their files. Each lock begins as
# the larger one, from which it keeps the versions.
COMPILE := pip compile -q --universal --python-version 3.11 --fork-strategy fewest --annotation-style line --generate-hashes \
  --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' pyproject.toml --group build --extra lab
DEV := --extra test --extra dev --extra batch-test
CI := --extra sources-test --extra samples --extra parquet --extra page-test
NEEDS_UV = command -v uv >/dev/null || { echo "make $@ needs uv: https://docs.astral.sh/uv"; exit 1; }
lock:
	@$(NEEDS_UV)
	uv $(COMPILE) $(UPGRADE) $(DEV) $(CI) --no-emit-package playwright -o requirements-ci.txt
	cp requirements-ci.txt requirements-dev.txt
	uv $(COMPILE) $(DEV) -o requirements-dev.txt
	cp requirements-dev.txt requirements.txt
	uv $(COMPILE) -o requirements.txt

# Known vulnerabilities of everything that is locked.
audit:
	@$(NEEDS_UV)
	@uv tool run --quiet pip-audit --strict --disable-pip --require-hashes --progress-spinner off -r requirements-ci.txt || \
	{ echo "make audit: where a package could not be audited, the registry in use has no such data: ask one that has"; exit 1; }

# The core of the tests with another interpreter, or with the oldest versions that pyproject.toml allows:
# make support PYTHON=3.12, make support PYTHON=3.11 RESOLUTION=lowest-direct
RESOLUTION ?= highest
CORE := tests/test_pipeline.py tests/test_publish.py tests/test_papermill.py tests/test_results.py tests/test_sections.py \
  tests/test_engine.py tests/test_plots_figures.py tests/render tests/sources/test_table.py tests/sources/test_printed.py
support:
	@$(NEEDS_UV)
	uv venv -q --clear --python $(PYTHON) .venv-support
	uv pip install -q --python .venv-support --resolution $(RESOLUTION) --group build -e '.[test,parquet]'
	.venv-support/bin/python -m pytest -W ignore $(CORE) $(ARGS)

clean:
	rm -rf $(VENV) .venv-support build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis
