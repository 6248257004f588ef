"""Determinants and Lipschitz constants of all blocks, against a loop: `python -m tests.benchmarks.bench_flow`.

The Jacobians of every block at every point, their determinants and largest singular values: in one batched call, and by
`torch.autograd.functional.jacobian` for one block and one point after another. In the same run, one thread, time of the
processor, and the numbers are compared.
"""

from __future__ import annotations

import time

import torch
from torch import Tensor

from resnet_limits.diffeomorphisms.jacobians import block_determinants, increments_of, jacobians_at
from resnet_limits.networks.blocks import field
from resnet_limits.networks.blocks.two import TwoBlock
from resnet_limits.networks.steps import STEPS
from resnet_limits.networks.vector_field import VectorField
from resnet_limits.paths.draw import draw_path
from resnet_limits.paths.laws.iid import IidLaw

EULER = STEPS["euler"]
SIZES = ((16, 256, 2), (64, 1024, 2), (16, 256, 16))
"""Blocks, points, dimension; 16 units inside a block."""
LOOPED = 400
"""Pairs of a block and a point that the loop walks; its time is extrapolated from them."""


def batched(vector_field: VectorField, x: Tensor, theta: dict[str, Tensor], h: float) -> tuple[Tensor, Tensor]:
    increments = increments_of(jacobians_at(vector_field, EULER, x, theta, h))
    return block_determinants(increments), torch.linalg.matrix_norm(increments, ord=2)


def looped(
    vector_field: VectorField, x: Tensor, theta: dict[str, Tensor], h: float, most: int
) -> list[tuple[float, float]]:
    derivatives = []
    for k in range(len(x)):
        weights = {name: w[:, k] for name, w in theta.items()}
        for n in range(x.shape[2]):
            if len(derivatives) == most:
                return derivatives
            jacobian = torch.autograd.functional.jacobian(
                lambda y, weights=weights: EULER.advance(vector_field, y[None, None], h, (weights,))[0, 0], x[k, 0, n]
            )
            assert isinstance(jacobian, Tensor)
            identity = torch.eye(len(jacobian), dtype=x.dtype)
            derivatives.append(
                (float(torch.linalg.det(jacobian)), float(torch.linalg.matrix_norm(jacobian - identity, ord=2)))
            )
    return derivatives


def main() -> None:
    torch.set_num_threads(1)
    print("blocks  points  D   batched     loop    ratio")
    for blocks, points, d in SIZES:
        vector_field = field(TwoBlock(hidden=16), "tanh", d)
        theta = draw_path(IidLaw(), vector_field.shapes, depth=blocks, horizon=1.0, replicas=1, seed=0).at(
            EULER.times(blocks)
        )
        x = torch.randn(blocks, 1, points, d, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        h = 1 / blocks
        batched(vector_field, x, theta, h)  # warm
        looped(vector_field, x, theta, h, 10)
        times = []
        for _ in range(5):
            began = time.process_time()
            determinants, norms = batched(vector_field, x, theta, h)
            times.append(time.process_time() - began)
        began = time.process_time()
        one_by_one = looped(vector_field, x, theta, h, LOOPED)
        loop = (time.process_time() - began) * blocks * points / len(one_by_one)
        both = torch.stack([determinants.flatten(), norms.flatten()], dim=1)[: len(one_by_one)]
        assert torch.allclose(both, torch.tensor(one_by_one, dtype=both.dtype), atol=1e-12)
        print(f"{blocks:6d}  {points:6d}  {d:2d}  {min(times):7.4f} s {loop:7.2f} s  {loop / min(times):6.0f}")


if __name__ == "__main__":
    main()
