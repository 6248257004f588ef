"""Hamiltonian flows in closed form against autograd of pairs: `python -m tests.benchmarks.bench_hamiltonian`.

The naive way is what one writes first: all differences `q_i - q_j` (n, n, d), the kernel of each pair, `H` their sum,
its derivatives by autograd, and the gradient through shooting by autograd through all steps of RK4. Times are of one
right-hand side, or of one gradient by `P_0`; the best of rounds that alternate. Both give the same numbers, which is
checked first.

    features   k(x, y) = tanh(x) . tanh(y) + 1        n d^2 against n^2 d operations
    gaussian   k(x, y) = exp(-|x - y|^2 / 2 l^2)      distances by matrix products
"""

from __future__ import annotations

import math
import multiprocessing
import resource
import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from resnet_limits.limits.hamiltonian.end_loss import Fixed
from resnet_limits.limits.hamiltonian.integrators import INTEGRATORS, flow
from resnet_limits.limits.hamiltonian.kernels.features import FeaturesKernel
from resnet_limits.limits.hamiltonian.kernels.gaussian import GaussianKernel
from resnet_limits.limits.hamiltonian.kernels.kernel import OperatorKernel
from resnet_limits.limits.hamiltonian.losses.square import SquareLoss
from resnet_limits.limits.hamiltonian.shooting import Problem, value_and_gradient
from resnet_limits.networks.activations import activation_named

RK4 = INTEGRATORS["rk4"]
ROUNDS = 3
STEPS = 4
"""Of RK4, in dimension 2."""
SIZES = ((2000, 2, 5), (200, 784, 100))
"""Points, dimension, and the ratio that is aimed at."""


def pairwise(kernel: OperatorKernel, q: Tensor, P: Tensor) -> Tensor:
    """`H` from pairs."""
    if isinstance(kernel, GaussianKernel):
        K = torch.exp(-(q[:, None] - q[None, :]).square().sum(-1) / (2 * kernel.length**2))
    else:
        f = torch.cat([torch.tanh(q), torch.ones_like(q[:, :1])], dim=1)
        K = (f[:, None] * f[None, :]).sum(-1)
    return (K * (P[:, None] * P[None, :]).sum(-1)).sum() / 2


def naive_flow(kernel: OperatorKernel, q: Tensor, P: Tensor, *, again: bool = False) -> tuple[Tensor, Tensor]:
    """`(dH/dP, -dH/dq)`; with `again` they can be differentiated."""
    if not again:
        q, P = q.detach().requires_grad_(), P.detach().requires_grad_()
    dq, dP = torch.autograd.grad(pairwise(kernel, q, P), (q, P), create_graph=again)
    return dP, -dq


def naive_gradient(
    kernel: OperatorKernel, q: Tensor, P: Tensor, y: Tensor, nu: float, steps: int
) -> tuple[float, Tensor]:
    """`nu H + loss` after steps of RK4, and its gradient by autograd through them."""
    start = P.clone().requires_grad_()
    x, p, h = q.clone().requires_grad_(), start, 1 / steps
    value = nu * pairwise(kernel, x, p)
    for _ in range(steps):
        k = [naive_flow(kernel, x, p, again=True)]
        for ahead in (h / 2, h / 2, h):
            k.append(naive_flow(kernel, x + ahead * k[-1][0], p + ahead * k[-1][1], again=True))
        x, p = (z + h / 6 * (k[0][i] + 2 * k[1][i] + 2 * k[2][i] + k[3][i]) for i, z in enumerate((x, p)))
    value = value + (x[:, -y.shape[1] :] - y).square().sum() / (2 * len(y))
    (gradient,) = torch.autograd.grad(value, start)
    return float(value.detach()), gradient


def best(ways: Mapping[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    seconds = dict.fromkeys(ways, math.inf)
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.thread_time()
            way()
            seconds[name] = min(seconds[name], time.thread_time() - began)
    return seconds


def report(what: str, seconds: dict[str, float], target: int) -> None:
    print(
        f"  {what:52} naive {1e3 * seconds['naive']:9.1f} ms, ours {1e3 * seconds['ours']:8.2f} ms, "
        f"{seconds['naive'] / seconds['ours']:6.1f} times as fast; target {target}",
        flush=True,
    )


def compare(n: int, d: int, target: int) -> None:
    stream = torch.Generator().manual_seed(0)
    q = torch.randn(n, d, generator=stream, dtype=torch.float64) / (1 if d < 10 else d**0.5)
    P = torch.randn(n, d, generator=stream, dtype=torch.float64) / n
    y, nu = torch.randn(n, 1, generator=stream, dtype=torch.float64), 0.1
    for name, kernel in {"features": FeaturesKernel(activation_named("tanh")), "gaussian": GaussianKernel(1.0)}.items():
        for ours, naive in zip(flow(kernel, q, P), naive_flow(kernel, q, P), strict=True):
            torch.testing.assert_close(ours, naive, rtol=1e-9, atol=1e-12)
        ways = {"naive": lambda k=kernel: naive_flow(k, q, P), "ours": lambda k=kernel: flow(k, q, P)}
        report(f"right-hand side, {name}, N={n} d={d}", best(ways), target)
    # What autograd keeps of all pairs, (n, n, d) some ten times a stage, sets how many steps it can take.
    gradients(q, P, y, nu, target, 1)
    if d < 10:
        m = n // 4
        gradients(q[:m], P[:m], y[:m], nu, target, STEPS)


def gradients(q: Tensor, P: Tensor, y: Tensor, nu: float, target: int, steps: int) -> None:
    m, d = q.shape
    for name, kernel in {"features": FeaturesKernel(activation_named("tanh")), "gaussian": GaussianKernel(1.0)}.items():
        problem = Problem(kernel, q, nu, Fixed(SquareLoss(), y))
        ours, naive = value_and_gradient(problem, P, RK4, steps), naive_gradient(kernel, q, P, y, nu, steps)
        assert math.isclose(ours[0], naive[0], rel_tol=1e-10)
        torch.testing.assert_close(ours[1], naive[1], rtol=1e-8, atol=1e-12)
        ways = {
            "naive": lambda k=kernel: naive_gradient(k, q, P, y, nu, steps),
            "ours": lambda p=problem: value_and_gradient(p, P, RK4, steps),
        }
        report(f"gradient through shooting, {name}, N={m} d={d}, {steps} steps", best(ways, 2), target)


def peak(points: int, steps: int) -> float:
    """Megabytes that a gradient through so many steps adds to the peak memory of a process of its own."""
    stream = torch.Generator().manual_seed(0)
    q, P = (torch.randn(points, 2, generator=stream, dtype=torch.float64) for _ in range(2))
    problem = Problem(FeaturesKernel(activation_named("tanh")), q, 0.1, Fixed(SquareLoss(), q[:, :1]))
    value_and_gradient(problem, P / points, RK4, 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    value_and_gradient(problem, P / points, RK4, steps)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def memory() -> None:
    """Peak memory of gradients: states and momenta, 2 N d numbers a step, and not a matrix of pairs."""
    for points in (10000, 20000):
        for steps in (64, 128, 256):
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                megabytes = pool.apply(peak, (points, steps))
            kept = 2 * points * 2 * steps * 8 / 2**20
            print(f"  gradient through {steps:3} steps, N={points}: {megabytes:4.0f} MB more (kept: {kept:.0f} MB)")


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(f"{torch.get_num_threads()} thread, torch {torch.__version__}")
    memory()
    for n, d, target in SIZES:
        compare(n, d, target)
