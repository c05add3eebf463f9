# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks of arguments that all front ends share."""

import math
import warnings

import numpy as np

CAUSALITIES = {"none": 0, "token": 1, "position": 2}  # Numbers as in hilbert-c.
LAYOUTS = {"bnhd": 0, "bhnd": 1}
MAX_SCALE = 3.4028234663852886e38  # The largest f32.


class CopyWarning(UserWarning):
    """A tensor's memory does not suit kernels, so it is copied before each call."""


class PerformanceWarning(UserWarning):
    """What was asked for takes a slower way on this device."""


def is_int(value):
    """Whether it is an integer: of Python, NumPy, or a torch.SymInt."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) or type(value).__name__ == "SymInt"


def checked_int(name, value, least, most):
    """`value`, from `least` to `most`."""
    # What it nearly always is; every call with extents comes here.
    if type(value) is int and least <= value <= most:
        return value
    if not is_int(value):
        raise TypeError(f"{name} must be an integer, but is {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, but is {value}")
    if value > most:
        raise ValueError(f"{name} must be at most {most}, but is {value}")
    # A SymInt stays one: another size must not trace again.
    return int(value) if isinstance(value, np.integer) else value


def check_names(causal, layout):
    """Raises ValueError unless both are keys of CAUSALITIES and LAYOUTS."""
    if not isinstance(causal, str) or causal not in CAUSALITIES:
        raise ValueError(f'causal must be None, "token" or "position", but is {causal!r}')
    if not isinstance(layout, str) or layout not in LAYOUTS:
        raise ValueError(f'layout must be "bnhd" or "bhnd", but is {layout!r}')


def checked_scale(scale, depth):
    """The scale as a float; 1 / sqrt(depth) by default."""
    if scale is None:
        return max(depth, 1) ** -0.5  # The library refuses a depth of 0.
    if not isinstance(scale, (int, float, np.integer, np.floating)):
        raise TypeError(f"scale must be a number, but is {scale!r}")
    if not math.fabs(scale) <= MAX_SCALE:
        raise ValueError(f"scale must be finite in float32, but is {scale}")
    return float(scale)


def warn_of_copy(name, address, shape, strides, itemsize):
    """Says why a tensor must be copied, if it must; strides in bytes."""
    reasons = [
        f"stride {dim} is {stride} bytes, not a multiple of 16"
        for dim, (size, stride) in enumerate(zip(shape[:-1], strides[:-1]))
        if size > 1 and stride % 16
    ]
    if shape[-1] > 1 and strides[-1] != itemsize:
        reasons.append(f"the head dimension has a stride of {strides[-1]} bytes, not {itemsize}")
    if address % 16:
        reasons.append("its data is not 16-byte aligned")
    if reasons:
        warnings.warn(f"{name} is copied: {'; '.join(reasons)}", CopyWarning, stacklevel=2)
    return bool(reasons)
