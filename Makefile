PYTHON ?= python3
BIN := .venv/bin
DEMO := output/demo-annotated.mp4

.PHONY: demo app test check format bench bench-train screens clean

demo: .venv/installed  ## annotate the demo clip with the shipped weights
	$(BIN)/gesture-app annotate assets/demo.mp4 --output $(DEMO) --force
	@echo "The annotated clip is $(CURDIR)/$(DEMO)"

app: .venv/installed  ## open the window on the first camera; make app SOURCE=clip.mp4 plays a file
	$(BIN)/gesture-app live $(if $(SOURCE),--source "$(SOURCE)")

# Retraining and the runtimes load native libraries that crashed when they shared a process with the others.
APART := tests/test_retrain.py tests/test_runtimes.py

test: .venv/installed-dev  ## run all tests
	$(BIN)/python -m pytest $(APART:%=--ignore=%) $(ARGS)
	$(BIN)/python -m pytest tests/test_retrain.py
	$(BIN)/python -m pytest tests/test_runtimes.py

check: .venv/installed-dev  ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/installed  ## time every stage of the engine on the demo clip
	$(BIN)/gesture-app benchmark

screens: .venv/installed-dev  ## take pictures of every state of the window into build/screens; needs Xvfb
	$(BIN)/python tests/screens/take.py $(ARGS)

bench-train: .venv/installed  ## time every part of training on drawn pictures; ARGS="--network detector --size 384"
	$(BIN)/gesture-train benchmark $(ARGS)

clean:
	rm -rf .venv output build dist

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[dev]"
	touch $@
