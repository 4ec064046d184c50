# What can be done here. Every target makes its own set-up in .venv, once per requirements file.
.DEFAULT_GOAL := help
.PHONY: help demo test lint bench pocket

BIN := .venv/bin
# The stamps carry the checksum of what was installed, so changed requirements install again.
checksum = $(shell cat $(1) | cksum | cut -d ' ' -f 1)
RUNTIME := .venv/.runtime-$(call checksum,requirements.txt)
DEVELOPER := .venv/.developer-$(call checksum,requirements.txt requirements-dev.txt)
# Without these, page faults make convolution training on a CPU several times slower (glibc only).
MALLOC := MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=17179869184 \
	MALLOC_TOP_PAD_=268435456 GLIBC_TUNABLES=glibc.malloc.hugetlb=1

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(RUNTIME) ## Serve the demo on http://127.0.0.1:7860 (or PORT, or the next free one)
	@$(BIN)/python app.py

test: $(DEVELOPER) ## Run all tests; browser tests need Chromium and say so where it is missing
	@HF_HUB_OFFLINE=1 GRADIO_ANALYTICS_ENABLED=False $(BIN)/python -m pytest -ra --numprocesses=2 --dist=loadfile

lint: $(DEVELOPER) ## Check format, style and types
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m mypy

bench: $(RUNTIME) ## Measure speed and memory, with an idle machine, in 15 minutes
	@mkdir -p assets/benchmarks
	@$(BIN)/python -m ldznet experiment bench --output assets/benchmarks/speed.json

pocket: $(RUNTIME) ## Train the miniature backbone and its networks; resumes where it stopped
	$(MALLOC) $(BIN)/python -m ldznet experiment pocket

# venv writes pip last, so a half-made environment is made again.
$(BIN)/pip:
	@for python in $(PYTHON) python3.12 python3.11 python3 python3.14 python3.13; do \
		if $$python -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
		then echo "Making .venv with $$($$python --version)."; exec $$python -m venv .venv; fi; \
	done; \
	echo "Python 3.11 or newer with its venv module is needed; on Debian: apt-get install python3-venv." >&2; \
	exit 1

$(RUNTIME): | $(BIN)/pip
	@echo "Installing the pinned requirements into .venv; this happens once and takes minutes."
	@$(BIN)/python -m pip install --disable-pip-version-check -r requirements.txt
	@rm -f .venv/.runtime-* && touch $@

$(DEVELOPER): | $(BIN)/pip
	@echo "Installing the pinned developer requirements into .venv; this happens once."
	@$(BIN)/python -m pip install --disable-pip-version-check -r requirements-dev.txt
	@rm -f .venv/.runtime-* .venv/.developer-* && touch $(RUNTIME) $@
