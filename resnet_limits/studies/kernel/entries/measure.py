"""`kernel.nngp`, `kernel.ntk`: entries of the kernels of depth L at infinite width against those of finite networks.

nngp           <x_L, x_L'>/D                                       sampled on the span of the states
ntk            sum_k h (sigma_w^2 <x_k, x_k'>/D + sigma_b^2) <a_k, a_k'>  + <x_L, x_L'>/D [+ <z, z'>/d <p_0, p_0'>]
               a_k = phi'(z_k) p_{k+1}, p_L = V/sqrt(D)            states and costates sampled on their span
ntk-autograd   <dy/dtheta, dy'/dtheta>                             of full weight matrices, by torch.func
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ....engines import default_engine
from ....limits.kernel import Kind
from ....measurement.estimate import mean, root_of_mean
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.activations import activation_named
from ....networks.ntk import tangent_kernel
from ....paths.laws.iid import IidLaw
from ....random import Stream, normals
from ....sampling import wide
from ....sampling.schemes import ShallowNetwork, Walker
from ..kernels import finite_kernel
from ..outside import sizes_of_law, widths
from ..problem import (
    first_points,
    key_of_kernels,
    law_per_time,
    network_of,
    overlaps_after_read_in,
    pair,
    read_in,
    where,
)
from ..settings import Kernel
from .claims import (
    DEPTH_OF_ENTRIES,
    NARROW_LAYERS,
    NARROW_NETWORKS,
    NARROW_WIDTH,
    NETWORKS_WITH_FULL_MATRICES,
    PINS_OF_LINEAR_ENTRIES,
    SHALLOW_NETWORKS_A_REPLICA,
)

REPLICAS_A_TANGENT_KERNEL = 8
"""There are as many times fewer tangent kernels than the key `replicas` says: they take more work than overlaps."""
BYTES_OF_TAPE = 2**28
"""Bytes of states and pre-activations kept for the backward pass, about."""
BYTES_OF_GRADIENTS = 2**28
"""Bytes of gradients by torch.func at a time."""
NETWORKS_A_GRADIENT_PIECE = 2048
"""Narrow networks whose gradients are taken at a time."""

Kernels = Float[Tensor, "r n n"]


def measure(job: Job) -> Measurement:
    """Entries, their mean over networks relative to infinite width, and distances by width."""
    settings = job.settings
    z, its_widths = first_points(settings, settings.kernel.inputs), widths(settings)
    gram, records = overlaps_after_read_in(z), []
    sample: dict[Kind, Callable[..., Kernels]] = {"nngp": nngp, "ntk": ntk}
    for i, (kind, draw) in enumerate(sample.items()):
        exact = finite_kernel(settings, kind, settings.depth)(z, z)
        distances: list[Record] = []
        for j, width in enumerate(its_widths):
            job.progress((i + j / len(its_widths)) / 3, f"{kind} of networks of width {width}")
            kernels = draw(settings, gram, width)
            if width == settings.width:
                records += entry_records(kernels, exact, kind)
            coordinates = {"scheme": kind, "width": width}
            its_distance = distance_of_kernels(kernels, exact)
            distances.append(Record("entries_distance", *its_distance, coordinates=coordinates, replicas=len(kernels)))
        records += distances
        records += entry_records(*_shallow(job, gram, kind, draw, z), f"{kind} shallow")
    job.progress(2 / 3, "tangent kernels by automatic differentiation")
    depth = min(settings.depth, settings.kernel.trained_depth)
    exact = finite_kernel(settings, "ntk", depth)(z, z)
    records += entry_records(_by_autograd(job, z, depth), exact, "ntk-autograd")
    records += _narrow(job)
    return Measurement([r for r in records if math.isfinite(r.value)])


def _shallow(
    job: Job, gram: Tensor, kind: Kind, draw: Callable[..., Kernels], z: Float[Tensor, "n f"]
) -> tuple[Kernels, Float[Tensor, "n n"]]:
    """Kernels of networks of `DEPTH_OF_ENTRIES` layers and the largest width, and of infinite width."""
    settings = replace(
        job.settings, depth=DEPTH_OF_ENTRIES, replicas=SHALLOW_NETWORKS_A_REPLICA * job.settings.replicas
    )

    def compute() -> dict[str, np.ndarray]:
        return {"kernels": draw(settings, gram, settings.width).numpy()}

    keys = key_of_kernels(settings, "width", "dtype", "replicas", "kernel.inputs")
    kernels = job.shared.solve(f"kernel.shallow.{kind}", keys, compute)["kernels"]
    return torch.from_numpy(kernels), finite_kernel(settings, kind, DEPTH_OF_ENTRIES)(z, z)


def _narrow(job: Job) -> list[Record]:
    """Tangent kernels of the layers alone of narrow linear networks and two inputs that overlap, relative to their
    exact mean.

    `E v_12` is multiplied by `1 + k h` in a layer, and so is a costate's overlap: each of the L terms of the mean is
    `h v_12 (1 + k h)^(L-1)`, the widths of states and costates being independent given the layers before and after.
    """
    init, T = (
        IidLaw(sigma_w=PINS_OF_LINEAR_ENTRIES["init.sigma_w"], sigma_b=PINS_OF_LINEAR_ENTRIES["init.sigma_b"]),
        PINS_OF_LINEAR_ENTRIES["horizon"],
    )
    z, replicas = pair(job.settings), NARROW_NETWORKS * job.settings.replicas
    gram = overlaps_after_read_in(z)
    layers_alone = replace(job.settings.kernel, read_in=False, readout=False)
    settings = replace(
        job.settings,
        depth=NARROW_LAYERS,
        width=NARROW_WIDTH,
        replicas=REPLICAS_A_TANGENT_KERNEL * replicas,
        kernel=layers_alone,
        activation=PINS_OF_LINEAR_ENTRIES["activation"],
        init=init,
        horizon=T,
    )

    def compute() -> dict[str, np.ndarray]:
        network = network_of(settings, NARROW_LAYERS, NARROW_WIDTH)
        stream = Stream(settings.seed, "kernel.ntk narrow")
        inputs = z.to(**where(settings))
        parameters = network.initial(z.shape[1], 1, stream, replicas=replicas, **where(settings))
        kernels = [
            tangent_kernel(network, {name: array[part] for name, array in parameters.items()}, inputs)[:, 0, 1].cpu()
            for part in (slice(i, i + NETWORKS_A_GRADIENT_PIECE) for i in range(0, replicas, NETWORKS_A_GRADIENT_PIECE))
        ]
        return {"autograd": torch.cat(kernels).numpy(), "spans": ntk(settings, gram, NARROW_WIDTH)[:, 0, 1].numpy()}

    keys = key_of_kernels(job.settings, "dtype", "replicas")
    kernels = job.shared.solve("kernel.ntk.narrow", keys, compute)
    k, h = init.sigma_w**2, T / NARROW_LAYERS
    exact = T * (init.sigma_b**2 + k * float(gram[0, 1])) * (1 + k * h) ** (NARROW_LAYERS - 1)
    records = []
    for scheme, entries in kernels.items():
        value, stderr = mean(torch.from_numpy(entries) / exact)
        coordinates = {"scheme": scheme, **PINS_OF_LINEAR_ENTRIES}
        records.append(Record("narrow_ratio", value, stderr, coordinates=coordinates, replicas=len(entries)))
    return records


def nngp(settings: Kernel, gram: Float[Tensor, "n n"], width: int) -> Kernels:
    """`<x_L, x_L'>/D` of each network."""
    engine, overlaps_drawn, dtype = default_engine(), [], where(settings)["dtype"]
    for first, count in engine.pieces(settings.replicas, vectors=len(gram), width=width, dtype=dtype):
        stream = Stream(settings.seed, f"kernel.nngp {width}", first_replica=first)
        x0 = read_in(settings, gram, width, stream.part(" read-in"), count)
        (x,) = engine.final(
            [Walker(ShallowNetwork(settings.activation), settings.depth)],
            x0,
            law_per_time(settings),
            horizon=settings.horizon,
            stream=stream,
        )
        overlaps_drawn.append(_overlaps(x))
    return torch.cat(overlaps_drawn)


def ntk(settings: Kernel, gram: Float[Tensor, "n n"], width: int) -> Kernels:
    """The tangent kernel of each network, of replicas/8 of the largest width and as many more as others are
    narrower."""
    engine, totals = default_engine(), []
    init, h = sizes_of_law(settings), settings.horizon / settings.depth
    replicas = max(settings.replicas // REPLICAS_A_TANGENT_KERNEL, 2) * settings.width // width
    n, phi = len(gram), settings.activation
    dtype = where(settings)["dtype"]
    fitting = BYTES_OF_TAPE // (4 * n * width * dtype.itemsize * settings.depth)
    size = max(1, min(engine.piece_size(2 * n, width, dtype), fitting))
    for first in range(0, replicas, size):
        count = min(size, replicas - first)
        stream = Stream(settings.seed, f"kernel.ntk {width}", first_replica=first)
        x0 = read_in(settings, gram, width, stream.part(" read-in"), count)
        V = normals((1, width), stream.part(" read-out"), replicas=count, **where(settings))
        tape = engine.record(
            ShallowNetwork(phi),
            x0,
            law_per_time(settings),
            depth=settings.depth,
            horizon=settings.horizon,
            stream=stream,
        )
        p = (V / math.sqrt(width)).expand(count, n, width)
        total = _overlaps(tape.final) if settings.kernel.readout else torch.zeros(count, n, n, dtype=torch.float64)
        for layer in tape.backward(p):
            a = activation_named(phi).with_slope(tape.pre_activations[layer.k])[1] * p
            weights = init.sigma_w**2 * _overlaps(tape.states[layer.k]) + init.sigma_b**2
            total = total + h * weights * width * _overlaps(a)
            p = layer.p
        if settings.kernel.read_in:
            total = total + gram * width * _overlaps(p)
        totals.append(total)
    return torch.cat(totals)


def _overlaps(x: Float[Tensor, "r n d"]) -> Kernels:
    """`<x_i, x_j>/D`, float64, CPU."""
    return wide.mean_gram(x).cpu()


def _by_autograd(job: Job, z: Float[Tensor, "n f"], depth: int) -> Kernels:
    """Tangent kernels of networks with their weight matrices, of the largest width; jobs of one such depth share
    them."""
    settings = job.settings
    network = network_of(settings, depth, settings.width)
    z = z.to(**where(settings))

    def compute() -> dict[str, np.ndarray]:
        size = max(1, BYTES_OF_GRADIENTS // (z.element_size() * len(z) * depth * settings.width**2))
        kernels = []
        for first in range(0, NETWORKS_WITH_FULL_MATRICES, size):
            replicas = min(size, NETWORKS_WITH_FULL_MATRICES - first)
            stream = Stream(settings.seed, "kernel.ntk-autograd", first_replica=first)
            parameters = network.initial(z.shape[1], 1, stream, replicas=replicas, **where(settings))
            kernels.append(tangent_kernel(network, parameters, z).cpu())
        return {"kernels": torch.cat(kernels).numpy()}

    keys = key_of_kernels(settings, "width", "dtype", "kernel.inputs", at=depth)
    return torch.from_numpy(job.shared.solve("kernel.ntk-autograd", keys, compute)["kernels"])


def entry_records(kernels: Kernels, exact: Float[Tensor, "n n"], scheme: str) -> list[Record]:
    """The entries, and their mean relative to infinite width."""
    records = []
    for i, j in [(0, 0), *((0, j) for j in range(1, len(exact)))]:
        coordinates = {"scheme": scheme, "pair": f"{i},{j}"}
        value, stderr = mean(kernels[:, i, j])
        more = {"stderr": stderr, "reference": float(exact[i, j]), "replicas": len(kernels)}
        records.append(Record("entry", value, coordinates=coordinates, **more))
    relative = (kernels * exact.sign()).sum(dim=(1, 2)) / exact.abs().sum()
    value, stderr = mean(relative)
    records.append(Record("entries_ratio", value, stderr=stderr, coordinates={"scheme": scheme}, replicas=len(kernels)))
    return records


def distance_of_kernels(kernels: Kernels, exact: Float[Tensor, "n n"]) -> tuple[float, float]:
    """Root mean square over networks of `|K - K_inf| / |K_inf|`, Frobenius norms."""
    return root_of_mean((kernels - exact).square().sum(dim=(1, 2)) / exact.square().sum())
