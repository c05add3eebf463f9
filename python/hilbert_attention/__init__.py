# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention over tokens laid out on a space-filling curve.

NumPy is enough. What needs torch or jax is imported with a name or an array of
theirs; torch.ops.hilbert at once if torch is there.
"""

import sys

from hilbert_attention import _C
from hilbert_attention._checks import CopyWarning, PerformanceWarning
from hilbert_attention.functional import attention
from hilbert_attention.order import Order, create_hilbert_mapping
from hilbert_attention.pattern import Branch

if sys.modules.get("torch") is not None:
    from hilbert_attention import _torch  # Registers torch.ops.hilbert.

__version__ = _C.version()

__all__ = [
    "Branch",
    "CopyWarning",
    "Explanation",
    "HilbertAttentionCore",
    "HilbertAttentionMixin",
    "Order",
    "PerformanceWarning",
    "attention",
    "create_hilbert_mapping",
    "explain",
]


def __getattr__(name):
    if name in ("HilbertAttentionCore", "HilbertAttentionMixin"):
        from hilbert_attention import modules

        return getattr(modules, name)
    if name in ("Explanation", "explain"):
        from hilbert_attention import _explain

        return getattr(_explain, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
