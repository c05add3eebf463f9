# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A vision transformer that learns shapes, with dense attention and along a Hilbert curve.

  vision_transformer.py [--device cuda] [--steps N] [--image 256] ...

Images are made on the fly: one of eight shapes, anywhere, of any size, over noise.
The two models differ in attention alone. "hilbert" attends within segments of the
curve in even layers, which are neighbourhoods of the image, and to every r-th
position in odd ones, which spread over all of it.

On a GPU the defaults are 4096 tokens an image and bfloat16; on the CPU 64 tokens
and a few steps.
"""

import argparse
import time

import torch
import torch.nn.functional as F
from torch import nn

from hilbert_attention import Branch, attention

SHAPES = ("disc", "ring", "square", "frame", "cross", "saltire", "bars", "columns")


def make_images(count, size, generator, device):
    """(images [count, 1, size, size], labels [count])"""

    def uniform(low, high):
        return low + (high - low) * torch.rand(count, 1, 1, generator=generator, device=device)

    labels = torch.randint(len(SHAPES), (count,), generator=generator, device=device)
    axis = torch.linspace(-1, 1, size, device=device)
    radius = uniform(0.25, 0.5)
    y = (axis[:, None] - uniform(-0.4, 0.4)) / radius
    x = (axis[None, :] - uniform(-0.4, 0.4)) / radius
    inside = torch.maximum(x.abs(), y.abs()) < 1
    distance = (x * x + y * y).sqrt()
    shapes = torch.stack(
        [
            distance < 1,
            (distance < 1) & (distance > 0.6),
            inside,
            inside & (torch.maximum(x.abs(), y.abs()) > 0.65),
            inside & (torch.minimum(x.abs(), y.abs()) < 0.25),
            inside & ((x.abs() - y.abs()).abs() < 0.3),
            inside & ((3 * y).remainder(1) < 0.5),
            inside & ((3 * x).remainder(1) < 0.5),
        ]
    )
    chosen = shapes[labels, torch.arange(count, device=device)]
    noise = torch.randn(count, size, size, generator=generator, device=device)
    return (uniform(0.5, 1.5) * chosen + 0.5 * noise)[:, None], labels


class Attention(nn.Module):
    def __init__(self, dim, heads, grid, branch):
        super().__init__()
        self.heads, self.grid, self.branch = heads, grid, branch
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(2, (3, self.heads, -1)).unbind(2)
        if self.branch is None:
            q, k, v = (t.transpose(1, 2) for t in (q, k, v))
            x = F.scaled_dot_product_attention(q, k, v).transpose(1, 2)
        else:
            # Tokens stay where they are: the kernel knows the curve.
            x = attention(q, k, v, order=self.grid, branches=[self.branch])
        return self.out(x.flatten(2))


class Block(nn.Module):
    def __init__(self, dim, *arguments):
        super().__init__()
        self.attention = nn.Sequential(nn.LayerNorm(dim), Attention(dim, *arguments))
        self.mlp = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x):
        x = x + self.attention(x)
        return x + self.mlp(x)


class VisionTransformer(nn.Module):
    """dim: channels. segment: positions of a segment; None is dense attention."""

    def __init__(self, image, patch, dim, depth, heads, segment):
        super().__init__()
        side = image // patch
        tokens = side * side
        branches = [None] * 2
        if segment is not None:
            branches = [Branch(segment), Branch(None, max(tokens // segment, 1), "residues")]
        self.patches = nn.Conv2d(1, dim, patch, stride=patch)
        self.positions = nn.Parameter(0.02 * torch.randn(tokens, dim))
        self.blocks = nn.Sequential(*[Block(dim, heads, (side, side), branches[i % 2]) for i in range(depth)])
        self.head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, len(SHAPES)))

    def forward(self, images):
        x = self.patches(images).flatten(2).transpose(1, 2) + self.positions
        return self.head(self.blocks(x).mean(1))


def train(segment, options):
    """(first loss, last loss, accuracy on new images, milliseconds a step)"""
    torch.manual_seed(0)
    device = torch.device(options.device)
    generator = torch.Generator(device).manual_seed(1)
    model = VisionTransformer(options.image, options.patch, options.dim, options.depth, options.heads, segment)
    model = model.to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.rate, weight_decay=0.01)
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")

    def synchronize():
        if device.type == "cuda":
            torch.cuda.synchronize()

    losses, times = [], []
    for step in range(options.steps):
        for group in optimizer.param_groups:  # Warm-up, then down to 0.
            group["lr"] = options.rate * min((step + 1) / 20, 1 - step / options.steps)
        images, labels = make_images(options.batch, options.image, generator, device)
        synchronize()
        begin = time.perf_counter()
        with autocast:
            loss = F.cross_entropy(model(images).float(), labels)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        synchronize()
        times.append(time.perf_counter() - begin)
        losses.append(loss.item())
    correct = count = 0
    with torch.inference_mode(), autocast:
        for _ in range(options.tests):
            images, labels = make_images(options.batch, options.image, generator, device)
            correct += (model(images).argmax(1) == labels).sum().item()
            count += len(labels)
    tenth = max(len(losses) // 10, 1)
    mean = lambda values: sum(values) / len(values)
    return mean(losses[:tenth]), mean(losses[-tenth:]), correct / count, 1e3 * sorted(times)[len(times) // 2]


def main():
    on_gpu = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if on_gpu else "cpu")
    device = parser.parse_known_args()[0].device
    large = device.startswith("cuda")
    parser.add_argument("--steps", type=int, default=600 if large else 60)
    parser.add_argument("--tests", type=int, default=32 if large else 4, help="batches of new images")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--image", type=int, default=256 if large else 32, help="side in pixels")
    parser.add_argument("--patch", type=int, default=4)
    parser.add_argument("--dim", type=int, default=256 if large else 64)
    parser.add_argument("--depth", type=int, default=6 if large else 2)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--segment", type=int, default=256 if large else 16)
    parser.add_argument("--rate", type=float, default=1e-3 if large else 3e-3)
    options = parser.parse_args()
    tokens = (options.image // options.patch) ** 2
    print(f"{tokens} tokens an image, {options.depth} layers, {options.steps} steps of {options.batch} images")
    print("attention   first loss   last loss   accuracy   ms a step")
    for name, segment in ("dense", None), ("hilbert", options.segment):
        first, last, accuracy, milliseconds = train(segment, options)
        print(f"{name:9} {first:12.3f} {last:11.3f} {accuracy:9.1%} {milliseconds:11.1f}", flush=True)
        if not last < first:
            raise SystemExit(f"the model with {name} attention did not learn: its loss went from {first} to {last}")


if __name__ == "__main__":
    main()
