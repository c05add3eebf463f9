# Shortcuts over CMake; `make help` lists them. Everything real is in
# CMakeLists.txt and CMakePresets.json.

NINJA ?= ninja
# Extra flags of ninja, such as -j4 or -k0.
NINJAFLAGS ?=
# A Python with torch for CUDA (the venv's is for the CPU), where it finds
# hilbert_attention, and what kernels are compiled for.
GPU_PYTHON ?= python3
GPU_PACKAGE ?= build/python
GPU_TARGET ?= sm_80
# Options of benchmarks/torch_cuda, such as --quick.
GPU_BENCH ?=
CLANG_FORMAT ?= clang-format-22
SOURCES = git ls-files -z -co --exclude-standard -- '*.h' '*.c' '*.cpp'

.DEFAULT_GOAL := help
# Prerequisites are ordered steps; ninja is what runs in parallel.
.NOTPARALLEL:
.PHONY: help setup configure build demo test gpu-test gpu-bench bench static wheel fuzz format format-check clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what is missing (packages, Python venv)
	@scripts/setup

configure: ## configure build/ anew
	cmake --preset default

build/build.ninja:
	cmake --preset default

build: build/build.ninja ## build everything into build/
	$(NINJA) -C build $(NINJAFLAGS)

demo: setup build ## compile and run a first example
	scripts/demo

test: setup build ## run every test: unit, lit, pytest
	$(NINJA) -C build $(NINJAFLAGS) check-hilbert

gpu-test: build ## test runtime, kernels and Python on this machine's GPU; needs torch for CUDA
	@NINJA='$(NINJA) $(NINJAFLAGS)' GPU_PYTHON='$(GPU_PYTHON)' GPU_PACKAGE='$(GPU_PACKAGE)' \
	  GPU_TARGET='$(GPU_TARGET)' scripts/gpu-test

gpu-bench: build ## time kernels on this machine's GPU beside torch's
	$(GPU_PYTHON) benchmarks/gpu_kernels.py prepare build/gpu-bench --target $(GPU_TARGET)
	$(GPU_PYTHON) benchmarks/gpu_kernels.py run build/gpu-bench
	$(GPU_PYTHON) benchmarks/torch_cuda $(GPU_BENCH)

bench: build ## run the benchmarks; those of a GPU, too, where GPU_PYTHON sees one
	scripts/bench
	@if $(GPU_PYTHON) -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; \
	  then $(GPU_PYTHON) benchmarks/torch_cuda $(GPU_BENCH); \
	  else echo 'GPU benchmarks: skipped, since $(GPU_PYTHON) (GPU_PYTHON) has no torch that sees a CUDA device'; fi

static: ## build self-contained binaries into build-static/
	cmake --preset static
	$(NINJA) -C build-static $(NINJAFLAGS)

wheel: setup ## build the Python wheel into dist/ and try it in an empty venv
	.venv/bin/python -m pip wheel --no-build-isolation --no-deps -w dist .
	scripts/test-wheel

fuzz: setup ## build the fuzzers into build-fuzz/ and run each for a minute
	scripts/fuzz

format: ## format the C and C++ sources
	$(SOURCES) | xargs -0 -r $(CLANG_FORMAT) -i

format-check: ## fail if a source is not formatted
	$(SOURCES) | xargs -0 -r $(CLANG_FORMAT) --dry-run --Werror

clean: ## remove the build directories
	rm -rf build build-fuzz build-static build-sanitize dist
