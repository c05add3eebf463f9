# Types of attention(), for arrays of each framework.

from collections.abc import Sequence
from typing import Any, Literal, TypeVar, overload

import jax
import numpy as np
import torch

from hilbert_attention.order import Order
from hilbert_attention.pattern import Branch

_Array = TypeVar("_Array", torch.Tensor, np.ndarray[Any, Any], jax.Array)
_Order = Order | int | Sequence[int] | torch.Tensor | np.ndarray[Any, Any] | jax.Array | None
_Mode = Literal["keys", "both", "residues"]
_Offset = Literal["zero", "head", "longnet"] | Sequence[int]

@overload
def attention(
    q: _Array,
    k: _Array,
    v: _Array,
    *,
    order: _Order = None,
    kv_order: _Order = None,
    out_order: _Order = None,
    branches: Sequence[Branch] | None = None,
    segment: int | None = None,
    dilation: int = 1,
    mode: _Mode = "keys",
    offset: _Offset = "zero",
    causal: Literal["token", "position"] | None = None,
    scale: float | jax.Array | None = None,
    layout: Literal["bnhd", "bhnd"] = "bnhd",
    return_lse: Literal[False] = False,
    deterministic: bool = False,
) -> _Array: ...
@overload
def attention(
    q: _Array,
    k: _Array,
    v: _Array,
    *,
    order: _Order = None,
    kv_order: _Order = None,
    out_order: _Order = None,
    branches: Sequence[Branch] | None = None,
    segment: int | None = None,
    dilation: int = 1,
    mode: _Mode = "keys",
    offset: _Offset = "zero",
    causal: Literal["token", "position"] | None = None,
    scale: float | jax.Array | None = None,
    layout: Literal["bnhd", "bhnd"] = "bnhd",
    return_lse: Literal[True],
    deterministic: bool = False,
) -> tuple[_Array, _Array]: ...
