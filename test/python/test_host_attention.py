# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled attention, forward and backward, against the float64 reference."""

import os
import random
import re

import pytest

from problems import SEED
from programs import options, program, random_config

COUNT = int(os.environ.get("HILBERT_TEST_COUNT", 60))


@pytest.mark.parametrize("index", range(COUNT))
def test_random(run, index):
    rng = random.Random(SEED * 1000 + index)
    config = random_config(rng)
    text = program(config)
    result = run(text, "--grad", "--check", f"--seed={index}", *options(config))
    report = f"HILBERT_TEST_SEED={SEED}, index {index}: {config}\n{text}\n{result.stdout}{result.stderr}"
    assert result.returncode == 0, report
    # out, lse, dq, dk, dv were all compared.
    assert len(re.findall(r"relative .* ok", result.stdout)) == 5, report
