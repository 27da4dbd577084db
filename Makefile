# wordlab: `make help` lists what there is.

PORT ?= 5000
# what `make sweep` varies: any -S of `dvc exp run`, and the stage to end at
SWEEP ?= -S 'word2vec.skipgram.rate=0.0125,0.025,0.05'
TARGET ?= evaluate_embeddings
JOBS ?= 2
# `make repro` runs two sides at once, each on half of the cores; they share the text alone, unless
# language models start from word vectors
VECTORS := fetch_sets cooccurrence train_word2vec train_ppmi train_glove evaluate_embeddings \
	compare_embeddings map_embeddings draw_word2vec draw_ppmi study_neighbours study_windows \
	study_sizes sweep_word2vec sweep_glove sweep_ppmi study_regularisation sweep_recurrent \
	analyse_sweep
NETWORKS := train_lm train_char_lm evaluate_lm study_autoencoder study_gradients study_cells
HALF := $(shell n=$$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN); echo $$(((n + 1) / 2)))
vectors networks: export WORDLAB_THREADS ?= $(HALF)

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export PATH := $(CURDIR)/$(BIN):$(PATH)
# one run in MLflow for all of `make repro`
export WORDLAB_PASS := $(or $(WORDLAB_PASS),make-$(shell date +%s)-$(shell echo $$PPID))
# DVC runs commands by this shell; that of an account without login would run none, in silence
export SHELL := /bin/sh
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# the first of these that is Python 3.11 to 3.13
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& echo $$p && break; done)

.DEFAULT_GOAL := help
.PHONY: help repro vectors networks test ui sweep apply clean

help:  ## list what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

# the commands of an environment name its folder, and would run those of where it was made
ifneq ($(wildcard $(BIN)/dvc),)
ifneq ($(shell head -n 2 $(BIN)/dvc | grep -cF "$$(cd $(VENV) && pwd -P)/bin/"),1)
MOVED := --clear
.PHONY: $(READY)
endif
endif

$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "wordlab needs Python 3.11, 3.12 or 3.13 (make PYTHON=...)"; exit 1; }
	@echo "Installing into $(VENV), pinned by constraints.txt; this takes a few minutes once"
	@test -z "$(MOVED)" && $(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@echo "Compiling the kernels, once"
	@wordlab compile
	@touch $@

repro: $(READY)  ## run the pipeline: everything that changed, nothing that did not
	@dvc repro build_vocab
	@$(MAKE) --no-print-directory --jobs 2 vectors networks
	@dvc repro
	@wordlab outputs
	@echo "Read reports/report.html, ask reports/explore.html; compare runs with \`make ui\`"

vectors: $(READY)
	@dvc --wait-for-lock repro --single-item $(VECTORS)

networks: $(READY) $(if $(shell grep -E '^  words: *models/' params.yaml 2>/dev/null),vectors)
	@dvc --wait-for-lock repro --single-item $(NETWORKS)

test: $(READY)  ## ruff, mypy and pytest
	@ruff check .
	@ruff format --check .
	@mypy
	@pytest -n 2 --dist loadfile tests/test_pipeline.py tests  # the longest first

ui: $(READY)  ## serve the MLflow runs, at the addresses it prints (PORT=5000)
	@wordlab ui --port $(PORT)

sweep: $(READY)  ## run queued DVC experiments over params (SWEEP=, TARGET=, JOBS=), then compare
	@dvc exp run --queue $(SWEEP) $(TARGET)
	@dvc exp run --run-all --jobs $(JOBS)
	@wordlab experiments

apply: $(READY)  ## take over the params of an experiment (NAME=), its results and its report
	@test -n "$(NAME)" || { echo "which one? make apply NAME=..., of \`wordlab experiments\`"; exit 1; }
	@dvc exp apply $(NAME)
	@$(MAKE) --no-print-directory repro

clean:  ## delete what the pipeline made, not the environment nor the MLflow runs
	@rm -rf data/raw data/text/*.json data/interim data/processed data/models data/draws .checkpoints
	@rm -rf reports/curves reports/figures reports/headline reports/metrics reports/scores reports/tables
	@rm -f data/sets.json reports/*.html reports/samples.json
	@echo "Deleted the outputs; \`dvc checkout\` and \`git checkout reports\` bring them back"
