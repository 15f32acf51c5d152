# `make help` lists what there is to make.
SHELL := bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
PORT ?= 8080
PARAMETERS ?=
VENV := .venv
BIN := $(VENV)/bin
export PORT PARAMETERS
export PYTHONPATH := $(CURDIR)/layers/switchboard:$(CURDIR)
export SAM_CLI_TELEMETRY := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The newest interpreter that runs and can make virtual environments: a name on PATH may be a shim with nothing behind it.
define find-python
for version in 3.13 3.12 3.11; do \
  for candidate in $$(type -ap python$$version) "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$$version.*/bin/python$$version; do \
    "$$candidate" -c 'import ctypes, ensurepip, ssl, sys, venv; print(sys.executable)' 2>/dev/null && exit; \
  done; \
done; \
echo "Python 3.13, 3.12 or 3.11 with venv is needed and none was found: name one by PYTHON=" >&2; exit 1
endef

# A virtual environment is made anew when what it holds changes, or when another interpreter is asked for by PYTHON=.
READY := $(VENV)/ready$(subst /,_,$(PYTHON))

.PHONY: help setup check test test-flow test-rest corners fuzz demo run bench build lint openapi requirements clean
help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /\1	/p' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv, with everything pinned (PYTHON= picks the interpreter)
	@:

$(READY): tests/requirements.txt layers/dependencies/requirements.txt
	@{ python=$${PYTHON:-$$($(find-python))} && \
	echo "setting up $(VENV) with $$python" && \
	"$$python" -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed")' && \
	rm -rf $(VENV) && "$$python" -m venv $(VENV) && \
	$(BIN)/python -m pip install --quiet --no-compile --require-hashes -r tests/requirements.txt && \
	$(BIN)/python -W ignore -m compileall -q -j 0 $(VENV)/lib && \
	$(BIN)/python -m sandbox build && \
	touch $(VENV)/ready $@; } >&2

check: setup lint ## format, lint, types, template, tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(MAKE) test

# The flow tests wait for leases and watches more than they work: beside the others they take hardly any time.
test: setup ## all tests
	@$(MAKE) -j 2 --output-sync=target test-flow test-rest

test-flow test-rest:
	@$(BIN)/pytest $(if $(filter test-flow,$@),tests/flow,tests/unit tests/stack)

corners: setup ## every call of the vendors in its four corners, by the number of samples
	@exec $(BIN)/python -m tests.corners

COUNT ?= 100000
fuzz: setup ## damaged requests at the doors, damaged answers at the clients (COUNT=100000 of each); 0 errors untyped
	@exec $(BIN)/python -m tests.fuzz $(COUNT)

demo: setup ## send everything in events/ through a sandbox and audit what became of it
	@exec $(BIN)/python -m sandbox demo

bench: setup ## requests and write units a message, throughput, cold starts
	@exec $(BIN)/python -m sandbox bench

# make hands SIGTERM on to what it runs, but on SIGINT it only deletes the file that it was making and waits. So that file is
# watched: once it is gone, a sandbox that has not ended three seconds later is told.
RUNNING := build/running.$(shell echo $$PPID)
run: $(RUNNING) ## a sandbox in the foreground (PORT=8080; 0 picks a free one; PARAMETERS="Name=value …" of the template)
$(RUNNING): setup
	@mkdir -p $(@D) && touch $@ && { ( \
	runs() { kill -0 $$$$; }; \
	while [ -e $@ ] && runs; do sleep 0.2; done; \
	for _ in {1..15}; do runs && sleep 0.2; done; \
	runs && kill -INT $$$$; rm -f $@ \
	) >/dev/null 2>&1 & exec $(BIN)/python -m sandbox run; }

expand := import json, pathlib, sandbox.template as t; \
  print(json.dumps(t.Template.load(pathlib.Path("template.yaml")).expanded))
lint: setup ## the template, as written and as SAM expands it
	@$(BIN)/cfn-lint --template template.yaml
	@mkdir -p build && $(BIN)/python -c '$(expand)' > build/expanded.json
	@$(BIN)/cfn-lint --template build/expanded.json

# SAM's own tools hold boto3 back, so they live apart. A function that finds no byte code compiles on every cold start, and
# `sam build` drops it; its dates are not those of the archive, so it must not be checked by date.
LAYERS := .aws-sam/build/DependenciesLayer .aws-sam/build/SwitchboardLayer
SAM := PATH="$(CURDIR)/$(BIN):$$PATH" build/sam/bin/sam
build: setup build/sam/ready ## what `sam deploy` deploys, in .aws-sam/build (needs Python 3.13)
	@$(BIN)/python -c 'import sys; sys.version_info[:2] == (3, 13) or sys.exit("the functions run on Python 3.13: build with it")'
	@AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-us-east-1} $(SAM) validate --lint
	@$(SAM) build
	@for layer in $(LAYERS); do \
	$(BIN)/python -m compileall -q --invalidation-mode unchecked-hash -s $$layer -p /opt $$layer || exit; done

build/sam/ready: $(READY)
	@rm -rf build/sam && $(BIN)/python -m venv build/sam && \
	build/sam/bin/python -m pip install --quiet aws-sam-cli==1.170.0 cfn-lint==1.58.0 && touch $@

openapi: setup ## write functions/docs/openapi.json anew from the functions' routes
	@$(BIN)/python -m sandbox.openapi

requirements: setup ## pin again what the two requirements.in ask for (UPGRADE=1: at its newest)
	@$(BIN)/python -m venv build/uv && build/uv/bin/python -m pip install --quiet uv
	@for folder in layers/dependencies tests; do (cd $$folder && $(CURDIR)/build/uv/bin/uv pip compile --quiet \
	--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make requirements" $(if $(UPGRADE),--upgrade) requirements.in --output-file requirements.txt); done

clean: ## take away what was made
	rm -rf $(VENV) build .aws-sam .mypy_cache .pytest_cache .ruff_cache .hypothesis
