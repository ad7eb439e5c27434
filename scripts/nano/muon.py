"""Muon (Jordan et al., 2024): momentum whose singular values are made equal, for inner matrices.

All directions of a matrix learn at the same pace, so a small model needs fewer steps than with Adam.
torch's own works in bfloat16, which CPUs without such instructions emulate slowly; this one works in
float32, on all matrices of a shape at once, and each training process does its share of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
import torch.distributed as dist
from torch import Tensor

_MOMENTUM: Final = 0.95
_ROUNDS: Final = 5
# Keller Jordan's quintic: fast from small singular values to about 1.
_QUINTIC: Final = (3.4445, -4.7750, 2.0315)
# Root mean square of an update relative to the rate, as large as Adam's (Liu et al., 2025).
_SIZE: Final = 0.2


def orthogonalised(matrices: Tensor) -> Tensor:
    """Each of `matrices` (n, rows, columns; rows <= columns) with its singular values near 1."""
    a, b, c = _QUINTIC
    x = matrices / (matrices.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(_ROUNDS):
        square = x @ x.mT
        x = torch.baddbmm(a * x, torch.baddbmm(b * square, square, square, alpha=c), x)
    return x


class Muon:
    """Steps for `parameters`, all of them matrices whose gradients all processes agree on."""

    def __init__(self, parameters: Sequence[Tensor], ranks: int, rank: int) -> None:
        self._ranks, self._rank = ranks, rank
        shapes: dict[tuple[int, int], list[Tensor]] = {}
        for one in parameters:
            shapes.setdefault((min(one.shape), max(one.shape)), []).append(one)
        self._groups = list(shapes.values())
        self._momenta = [
            torch.zeros(len(group), min(group[0].shape), max(group[0].shape))
            for group in self._groups
        ]

    def state(self) -> list[Tensor]:
        """The momenta, one stack for each shape."""
        return self._momenta

    def restore(self, momenta: Sequence[Tensor]) -> None:
        """Go on from what `state` gave."""
        for mine, kept in zip(self._momenta, momenta, strict=True):
            mine.copy_(kept)

    @torch.no_grad()  # type: ignore[untyped-decorator, unused-ignore]
    def step(self, rate: float) -> None:
        """Move every matrix against its gradient by `rate`."""
        for group, momenta in zip(self._groups, self._momenta, strict=True):
            gradients = torch.stack([_lying(p.grad) for p in group if p.grad is not None])
            momenta.mul_(_MOMENTUM).add_(gradients)
            moves = self._shared(gradients + _MOMENTUM * momenta)
            scale = rate * _SIZE * max(group[0].shape) ** 0.5
            for parameter, move in zip(group, moves, strict=True):
                parameter.sub_(move if _lies(parameter) else move.T, alpha=scale)

    def _shared(self, stack: Tensor) -> Tensor:
        """All of `stack` orthogonalised, each process having done its share."""
        if self._ranks == 1:
            return orthogonalised(stack)
        each = -(-len(stack) // self._ranks)
        mine = stack[self._rank * each : (self._rank + 1) * each]
        out = torch.zeros(each * self._ranks, *stack.shape[1:])
        out[self._rank * each : self._rank * each + len(mine)] = orthogonalised(mine)
        dist.all_reduce(out)
        return out[: len(stack)]


def _lies(matrix: Tensor) -> bool:
    return bool(matrix.shape[0] <= matrix.shape[1])


def _lying(matrix: Tensor) -> Tensor:
    return matrix if _lies(matrix) else matrix.T
