"""`flow.symplectic`: products of the Jacobians of Hamiltonian blocks, and of blocks that descend a function.

    S_k = dx_k/dx_0 = D block_{k-1} ... D block_0,      S^T J S = J,      |S| >= 1

A symplectic S has |S| >= 1: its singular values come in pairs s, 1/s.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ....diffeomorphisms.jacobians import jacobians_at
from ....engines import default_engine
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.blocks import field
from ....networks.blocks.gradient import GradientBlock
from ....networks.parametrisation import ODE
from ....networks.steps import STEPS, Step
from ....networks.steps.symplectic import Symplectic
from ....paths.draw import draw_path
from ....paths.laws.iid import IidLaw
from ..outside import stretches
from ..problem import embedded_points
from ..settings import Flow
from .claims import PINS_OF_GRADIENT_BLOCK, PINS_OF_HAMILTONIAN_BLOCK

STEP_BY_BLOCK: dict[str, Step] = {"hamiltonian": Symplectic(), "gradient": STEPS["euler"]}


def measure(job: Job) -> Measurement:
    """Norms of the sensitivities of both kinds of blocks, and the defect of the symplectic form."""
    settings, records = job.settings, []
    for pins in (PINS_OF_HAMILTONIAN_BLOCK, PINS_OF_GRADIENT_BLOCK):
        if pins is PINS_OF_HAMILTONIAN_BLOCK and stretches(settings):
            continue
        job.progress(0.5 * len(records) / 3, f"sensitivities of {pins['block']} blocks")
        norms, defect = sensitivities(settings, pins)
        where: dict[str, Any] = {"coordinates": dict(pins), "replicas": settings.flow.paths}
        rounding = {"reference_error": 1e-14 * settings.depth, **where}
        records.append(Record("least_sensitivity", float(norms.min()), **rounding))
        records.append(Record("last_sensitivity", float(norms[-1].max()), **rounding))
        if pins["block"] == "hamiltonian":
            records.append(Record("symplectic_defect", defect, reference_error=1e-13, **where))
    return Measurement(records)


def sensitivities(settings: Flow, pins: dict[str, Any]) -> tuple[Tensor, float]:
    """`|S_k|` of each layer k >= 1, network and point, (L, r, n), and the largest `|S_k^T J S_k - J| / |S_k|^2`."""
    width, step = pins["width"], STEP_BY_BLOCK[pins["block"]]
    sizes_of_init, horizon = settings.init.sizes(), pins.get("horizon", settings.horizon)
    sizes = {
        name: pins.get(f"init.{name}", size) for name, size in zip(("sigma_w", "sigma_b"), sizes_of_init, strict=True)
    }
    x = embedded_points(settings, settings.flow.inputs, width).double()
    hamiltonian = pins["block"] == "hamiltonian"
    vector_field = field(GradientBlock(hidden=width), settings.activation, width // 2 if hamiltonian else width)
    halves = (".y", ".z") if hamiltonian else ("",)
    weights = draw_path(
        IidLaw(**sizes),
        {name + half: shape for name, shape in vector_field.shapes.items() for half in halves},
        depth=settings.depth,
        horizon=horizon,
        replicas=settings.flow.paths,
        seed=settings.seed,
        purpose="flow.symplectic",
        device=x.device,
    ).at(step.times(settings.depth, horizon))
    # x - h K^T phi(K x + b) is an Euler step with -h.
    h = ODE.block_factor(settings.depth, horizon) * (1 if hamiltonian else -1)
    trajectory = default_engine().states(vector_field, step, x.expand(settings.flow.paths, *x.shape), weights, h)[:-1]
    jacobians = jacobians_at(vector_field, step, trajectory, weights, h)
    half = torch.eye(width // 2, dtype=x.dtype, device=x.device)
    zero = torch.zeros_like(half)
    form = torch.cat([torch.cat([zero, half], dim=1), torch.cat([-half, zero], dim=1)])
    product, norms, defect = torch.eye(width, dtype=x.dtype, device=x.device), [], 0.0
    for jacobian in jacobians:
        product = jacobian @ product
        norm = torch.linalg.matrix_norm(product, ord=2)
        norms.append(norm)
        gap = torch.linalg.matrix_norm(product.mT @ form @ product - form, ord=2) / norm.square()
        defect = max(defect, float(gap.max()))
    return torch.stack(norms), defect
