# Types of the package's surface; what it means is in the docstrings.

from hilbert_attention._checks import CopyWarning as CopyWarning
from hilbert_attention._checks import PerformanceWarning as PerformanceWarning
from hilbert_attention._explain import Explanation as Explanation
from hilbert_attention._explain import explain as explain
from hilbert_attention.functional import attention as attention
from hilbert_attention.modules import HilbertAttentionCore as HilbertAttentionCore
from hilbert_attention.modules import HilbertAttentionMixin as HilbertAttentionMixin
from hilbert_attention.order import Order as Order
from hilbert_attention.order import create_hilbert_mapping as create_hilbert_mapping
from hilbert_attention.pattern import Branch as Branch

__version__: str
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
