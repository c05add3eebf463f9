# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention layers for torch models: a drop-in module and a mixin."""

import typing
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from hilbert_attention import functional
from hilbert_attention._checks import checked_int
from hilbert_attention._composite import attention as composite_attention
from hilbert_attention.order import MAX_TOKENS, Order, as_order


Extents = Order | int | Sequence[int] | None


class _Setup(typing.NamedTuple):
    """What a layer was set up with; see HilbertAttentionCore."""

    hidden_dim: int
    num_heads: int
    segment_size: int
    dilation_rate: int
    dropout: float
    use_custom_backward: bool
    order: Order | None

    @staticmethod
    def checked(hidden_dim, num_heads, segment_size, dilation_rate, dropout, use_custom_backward, order):
        for name in ("hidden_dim", "num_heads", "segment_size", "dilation_rate"):
            checked_int(name, locals()[name], 1, MAX_TOKENS)
        if hidden_dim % num_heads:
            raise ValueError(f"hidden_dim must be a multiple of num_heads, {num_heads}, but is {hidden_dim}")
        if not 0 <= dropout <= 1:
            raise ValueError(f"dropout must be from 0 to 1, but is {dropout}")
        order = None if order is None else as_order("order", order)
        return _Setup(hidden_dim, num_heads, segment_size, dilation_rate, dropout, use_custom_backward, order)

    @property
    def head_dim(self):
        return self.hidden_dim // self.num_heads

    def check_head_dim(self):
        if self.head_dim % 8 or self.head_dim > 256:
            raise ValueError(
                "hidden_dim / num_heads must be a multiple of 8 and at most 256, "
                f"but is {self.hidden_dim} / {self.num_heads} = {self.head_dim}"
            )

    def order_of(self, tokens, order=None):
        """The order of so many tokens: that of the call, of the layer, or a bare length's."""
        order = self.order if order is None else as_order("order", order)
        if order is None:
            return Order(tokens)
        if order.spec[8] != tokens:
            raise ValueError(f"order must have as many tokens as the input, {tokens}, but has {order.spec[8]}")
        return order

    def attend(self, q, k, v, **arguments):
        run = functional.attention if self.use_custom_backward else composite_attention
        return run(q, k, v, **{"segment": self.segment_size, "dilation": self.dilation_rate, **arguments})


class HilbertAttentionCore(nn.Module):
    """Self-attention within segments along a Hilbert curve, with its projections.

    hidden_dim: channels C of input and output.
    num_heads: heads; hidden_dim / num_heads is a multiple of 8 up to 256.
    segment_size: positions of a segment; the last one may be shorter.
    dilation_rate: r; a query meets every r-th key of its segment, from the first
        (mode "keys" of Branch).
    dropout: probability, of the output after out_proj.
    use_custom_backward: False runs and differentiates a composite of torch ops,
        which has second derivatives and needs more memory.
    order: extents of an image or a volume, or an Order; by default the bare length
        of the input.

    Parameters: qkv_proj.weight [3C, C], out_proj.weight [C, C].
    Raises ValueError or TypeError where an argument breaks a constraint.
    """

    def __init__(
        self,
        hidden_dim: int,
        num_heads: int,
        segment_size: int = 128,
        dilation_rate: int = 1,
        dropout: float = 0.0,
        use_custom_backward: bool = True,
        *,
        order: Extents = None,
    ) -> None:
        super().__init__()
        self._setup = _Setup.checked(
            hidden_dim, num_heads, segment_size, dilation_rate, dropout, use_custom_backward, order
        )
        self._setup.check_head_dim()
        self.qkv_proj = nn.Linear(hidden_dim, 3 * hidden_dim, bias=False)
        self.out_proj = nn.Linear(hidden_dim, hidden_dim, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, use_hilbert: bool = True, *, order: Extents = None) -> torch.Tensor:
        """[B, N, C] to [B, N, C], any N.

        use_hilbert: False attends within segments of the row-major order.
        order: of this call, instead of the layer's.
        """
        setup = self._setup
        if x.dim() != 3 or x.shape[2] != setup.hidden_dim:
            raise ValueError(f"x must be [B, N, {setup.hidden_dim}], but has shape {tuple(x.shape)}")
        # Not unflatten: Dynamo of torch 2.11 does not trace it under a default device.
        qkv = self.qkv_proj(x).reshape(*x.shape[:2], 3, setup.num_heads, setup.head_dim)
        order = setup.order_of(x.shape[1], order) if use_hilbert else None
        out = setup.attend(*qkv.unbind(2), order=order)
        return self.dropout(self.out_proj(out.flatten(2)))

    def extra_repr(self):
        setup = self._setup
        return (
            f"{setup.hidden_dim}, num_heads={setup.num_heads}, segment_size={setup.segment_size}, "
            f"dilation_rate={setup.dilation_rate}, order={setup.order}"
        )


class HilbertAttentionMixin:
    """Hilbert attention for an nn.Module that has its own projections.

    class MyAttention(HilbertAttentionMixin, nn.Module): call
    setup_hilbert_attention in __init__ and compute_hilbert_attention in forward.
    Nothing here creates parameters.
    """

    training: bool  # Of the nn.Module.
    _hilbert_setup: _Setup | None = None

    def setup_hilbert_attention(
        self,
        hidden_dim: int,
        num_heads: int,
        segment_size: int = 128,
        dilation_rate: int = 1,
        dropout: float = 0.0,
        use_hilbert_core: bool = False,
        use_custom_backward: bool = True,
        *,
        order: Extents = None,
    ) -> None:
        """Arguments as those of HilbertAttentionCore, and

        use_hilbert_core: True, full mode: attention within segments along the
            curve, fused. False, ordering-only mode: tokens are reordered around
            an attention of yours, to which segment_size and dilation_rate are
            unknown.
        dropout: of what compute_hilbert_attention returns.
        """
        setup = _Setup.checked(
            hidden_dim, num_heads, segment_size, dilation_rate, dropout, use_custom_backward, order
        )
        if use_hilbert_core:
            setup.check_head_dim()
        self._hilbert_setup, self._hilbert_core = setup, use_hilbert_core

    def compute_hilbert_attention(
        self,
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        use_hilbert_ordering: bool = True,
        *,
        order: Extents = None,
        **kw: typing.Any,
    ) -> torch.Tensor:
        """Attention of q, k, v: [B, N, H, D] or [B, N, C], like the result.

        Full mode: hilbert_attention.attention(q, k, v, **kw) with the layer's
        segments. Ordering-only mode: q, k and v are reordered, given to
        self._compute_attention(q, k, v, **kw) or, if there is none, to
        scaled_dot_product_attention, and the result is restored.

        use_hilbert_ordering: False leaves tokens in row-major order.
        order: of this call, instead of the layer's.
        Raises RuntimeError before setup_hilbert_attention.
        """
        setup = self._checked_setup()
        orders = [setup.order_of(t.shape[1], order) if use_hilbert_ordering else None for t in (q, k, v)]
        if self._hilbert_core:
            heads = [self._split_heads(name, t) for name, t in (("q", q), ("k", k), ("v", v))]
            if k.shape[1] != q.shape[1]:
                kw["kv_order"] = orders[1]
            out = setup.attend(*heads, order=orders[0], **kw)
            out = out.flatten(2) if q.dim() == 3 else out
        else:
            if use_hilbert_ordering:
                q, k, v = (_gather(t, o, False, 1) for t, o in zip((q, k, v), orders))
            out = getattr(self, "_compute_attention", self._scaled_dot_product_attention)(q, k, v, **kw)
            if use_hilbert_ordering:
                out = _gather(out, orders[0], True, 1)
        return F.dropout(out, setup.dropout, self.training)

    def apply_hilbert_ordering(self, t: torch.Tensor, inverse: bool = False, dim: int = 1) -> torch.Tensor:
        """`t` with the tokens along `dim` by position, or by token again if inverse."""
        return _gather(t, self._checked_setup().order_of(t.shape[dim]), inverse, dim)

    def get_hilbert_indices(self, n: int, device: torch.device | str | None = None) -> torch.Tensor:
        """LongTensor [n]: the token at each position."""
        return self._checked_setup().order_of(n).permutation(device)

    def get_inverse_hilbert_indices(self, n: int, device: torch.device | str | None = None) -> torch.Tensor:
        """LongTensor [n]: the position of each token."""
        return self._checked_setup().order_of(n).inverse(device)

    def _checked_setup(self):
        if self._hilbert_setup is None:
            raise RuntimeError("setup_hilbert_attention must be called before")
        return self._hilbert_setup

    def _split_heads(self, name, t):
        """[B, N, H, D] of [B, N, C]; k and v may have fewer channels than q."""
        depth = self._hilbert_setup.head_dim
        if t.dim() == 3 and t.shape[2] % depth == 0:
            return t.reshape(*t.shape[:2], t.shape[2] // depth, depth)
        if t.dim() != 4:
            raise ValueError(f"{name} must be [B, N, H, D] or [B, N, H * {depth}], but has shape {tuple(t.shape)}")
        return t

    def _scaled_dot_product_attention(self, q, k, v, **kw):
        heads = [self._split_heads(name, t).transpose(1, 2) for name, t in (("q", q), ("k", k), ("v", v))]
        out = F.scaled_dot_product_attention(*heads, **kw).transpose(1, 2)
        return out.flatten(2) if q.dim() == 3 else out


def _gather(t, order, inverse, dim):
    table = order.inverse(t.device) if inverse else order.permutation(t.device)
    return t.index_select(dim, table)
