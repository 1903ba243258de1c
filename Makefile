# Every target makes .venv by itself when it is missing or older than what it is made of.
PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/ready

.PHONY: install play run doctor test chaos check bench docs clean

play: $(READY)  ## a Discord in the browser: no token, no GPU, no download
	$(BIN)/python -m local --no-discord

run: $(READY)  ## one machine against Discord; DISCORD_TOKEN in the environment or .env
	$(BIN)/python -m local --discord

doctor: $(READY)  ## looks at all that is needed; each line says how it is, or how to mend it
	$(BIN)/python -m local doctor

test: $(READY)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

chaos: $(READY)  ## 1,000 orders while everything is killed; ends with what became of them
	$(BIN)/python -m tests.chaos

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.audit

bench: $(READY)  ## ratios against the plain way
	$(BIN)/python -m bench

docs: $(READY)  ## docs/commands.md from the command tree; PHOTOS=1 takes its pictures anew too
	$(if $(PHOTOS),$(BIN)/python -m local.photographs)
	$(BIN)/python -m local.handbook

install: $(READY)

lock:  ## constraints.txt from what pyproject.toml allows today; run the tests after it
	rm -rf build/lock
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet --editable '.[dev]'
	(head -n 1 constraints.txt; build/lock/bin/python -m pip freeze --exclude-editable \
		| sed 's/+cpu//') > build/constraints.txt
	mv build/constraints.txt constraints.txt

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[dev]' --constraint constraints.txt
	touch $@

clean:
	rm -rf .venv data out
