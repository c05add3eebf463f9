"""Configuration of the lit suite; the build directory's site configuration
loads it."""

import ctypes
import glob
import os
import shutil
import sys

import lit.formats

config.name = "HILBERT"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".c", ".mlir", ".test"]
config.excludes = ["Inputs", "gpu", "python"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = config.hilbert_test_dir

config.substitutions += [
    ("%cc", config.c_compiler),
    ("%cxx", config.cxx_compiler),
    ("%python", sys.executable),
    ("%source", config.hilbert_source_dir),
    ("%strict", f"-Wall -Wextra -Wpedantic -Werror -I{config.hilbert_include_dir}"),
]

# hilbert-opt, hilbert-run; then FileCheck, not and split-file.
config.environment["PATH"] = os.pathsep.join(
    [config.hilbert_tools_dir, config.llvm_tools_dir, os.environ.get("PATH", "")]
)
# A variable of one function cannot match by accident in the next.
config.environment["FILECHECK_OPTS"] = "-enable-var-scope --allow-unused-prefixes=false"

# lit --param verify_roundtrip=1: every hilbert-opt also checks that its input
# survives printing and parsing, as text and as bytecode.
if lit_config.params.get("verify_roundtrip"):
    config.substitutions.append(
        (r"(?<![\w/-])hilbert-opt(?![\w-])", "hilbert-opt --verify-roundtrip")
    )


def find_cuda_tool(name):
    """A program of the CUDA Toolkit: of .venv, in PATH, or under CUDA_HOME."""
    venv = os.path.join(config.hilbert_source_dir, ".venv/lib/python*/site-packages/nvidia/cu*/bin")
    home = os.path.join(os.environ.get("CUDA_HOME", "/usr/local/cuda"), "bin")
    for path in [os.pathsep.join(glob.glob(venv)), os.environ.get("PATH", ""), home]:
        found = shutil.which(name, path=path) if path else None
        if found:
            return found
    return None


# The features `ptxas` (the assembler) and `sass` (also nvdisasm and cuobjdump).
# Where scripts/setup has been, tools that are missing are an error and not a
# reason to skip: the tests then run, and fail.
cuda_tools = {name: find_cuda_tool(name) for name in ("ptxas", "nvdisasm", "cuobjdump")}
for name, program in cuda_tools.items():
    config.substitutions.append((f"%{name}", program or f"{name}-is-missing:run-scripts/setup"))
is_set_up = os.path.isdir(os.path.join(config.hilbert_source_dir, ".venv"))
if is_set_up or cuda_tools["ptxas"]:
    config.available_features.add("ptxas")
if is_set_up or all(cuda_tools.values()):
    config.available_features.add("sass")


def has_cuda_device():
    """True if there are a CUDA driver and a device that it can use."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
        count = ctypes.c_int(0)
        return (
            driver.cuInit(0) == 0
            and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
            and count.value > 0
        )
    except (OSError, AttributeError):
        return False


# Tests ask for what they need with `REQUIRES:`.
if has_cuda_device():
    config.available_features.add("cuda")
# Tests on a device take turns: a folder's lit.local.cfg says
# `config.parallelism_group = "gpu"`.
lit_config.parallelism_groups["gpu"] = 1
