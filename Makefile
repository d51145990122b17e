PYTHON ?= python3
BIN := .venv/bin
DEMO := output/demo-annotated.mp4

.PHONY: demo app test check format bench bench-train screens closings responsiveness startup clean

demo: .venv/installed  ## annotate the demo clip with the shipped weights
	$(BIN)/gesture-app annotate assets/demo.mp4 --output $(DEMO) --force
	@echo "The annotated clip is $(CURDIR)/$(DEMO)"

app: .venv/installed  ## open the window; make app SOURCE=clip.mp4 plays a file
	$(BIN)/gesture-app live $(if $(SOURCE),--source "$(SOURCE)")

# A few processes, for speed. Each takes about 1.5 GB of memory.
test: .venv/installed-dev  ## run all tests, or with ARGS="tests/test_boxes.py -k iou" some, in one process
ifeq ($(ARGS),)
	$(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist worksteal
else
	$(BIN)/python -m pytest $(ARGS)
endif

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

closings: .venv/installed-dev  ## close the real window at 50 random moments; ARGS="--times 10"; needs Xvfb
	$(BIN)/python tests/xserver.py $(BIN)/python tests/closings.py $(ARGS)

responsiveness: .venv/installed-dev  ## gaps of the window's thread, and what recording costs, on the demo clip; needs Xvfb
	$(BIN)/python tests/xserver.py $(BIN)/python tests/responsiveness.py assets/demo.mp4 $(ARGS)

startup: .venv/installed-dev  ## how long the window takes to be there; ARGS="--times 20"; needs Xvfb
	$(BIN)/python tests/xserver.py $(BIN)/python tests/startup.py $(ARGS)

bench-train: .venv/installed  ## time every part of training on drawn pictures; ARGS="--network detector --size 384"
	$(BIN)/gesture-train benchmark $(ARGS)

clean:
	rm -rf .venv output build dist

.venv/installed: pyproject.toml
	@echo "Installing into .venv: about 7 GB, which takes minutes"
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[dev]"
	touch $@
