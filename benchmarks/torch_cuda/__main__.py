# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""python benchmarks/torch_cuda [--quick | --full] [--out FOLDER]: see run.py."""

import pathlib
import sys

sys.path[0] = str(pathlib.Path(__file__).resolve().parents[1])

from torch_cuda.run import main

if __name__ == "__main__":
    main()
