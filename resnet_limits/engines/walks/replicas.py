"""Shallow networks of i.i.d. weights, and their diffusions, walked in C (`_walks.c`), forward and backward.

The normals are those of `sampling.noise` bit for bit, and R of `sampling.span.triangle` up to rounding: Cholesky's
factor of the Gram matrix, or where that loses digits, and on tapes, the one of Gram and Schmidt. A replica's numbers
are a function of its own normals, whichever others are walked with it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import forward_ad

from ...networks.activations import activation_named
from ...random import REPLICA_BLOCK, Stream
from ...sampling.layer_law import Isotropic, Law
from ...sampling.schemes import EulerMaruyama, Scheme, ShallowNetwork, Walker
from ...sampling.span import many
from ...sampling.tape import Layer, Tape

try:
    from .. import _walks  # pyright: ignore
except ImportError:  # no compiler at installation
    _walks = None

in_c: Any = _walks
"""The extension; None without."""
VECTORS_OF_LARGEST_SPAN = 64
"""States and tangents of all walkers together at most: a library's factor of a larger Gram matrix is faster."""
BYTES_OF_A_VECTOR = 64
BYTES_OF_COSTATES = 2**23
"""Of layers that go backward in one call. Speed alone."""

How = tuple[Any, ...]
"""Processor, walkers, what the bias acts on, inputs, tangents, width, scale, extra and whether vectors are many."""


def without_walk(schemes: Sequence[Scheme], law: Law, activations: Collection[str]) -> str | None:
    """Why there is no compiled form of walks of these schemes, or None."""
    if reason := without_law(law):
        return reason
    for scheme in schemes:
        diffuses = type(scheme) is EulerMaruyama
        if not (diffuses or type(scheme) is ShallowNetwork):
            return f"walks of {type(scheme).__name__} have no compiled form"
        if diffuses and type(scheme.law) is not Isotropic:
            return f"diffusions of law {type(scheme.law).__name__} have no compiled form"
        names = (scheme.psi,) if diffuses else (scheme.phi, scheme.psi)
        if missing := [name for name in names if name not in activations]:
            return f"activation={missing[0]} has no compiled form"
    return None


def without_law(law: Law) -> str | None:
    """Why there is no compiled form of layers of this law, or None."""
    if in_c is None:
        return "there was no C compiler when reslim was installed"
    return None if type(law) is Isotropic else f"walks of weights of law {type(law).__name__} have no compiled form"


def without_vectors(count: int, *vectors: Tensor) -> str | None:
    """Why so many vectors of a layer, with these among them, have no compiled form, or None."""
    if count > VECTORS_OF_LARGEST_SPAN:
        return f"walks of more than {VECTORS_OF_LARGEST_SPAN} vectors have no compiled form"
    along = any(forward_ad.unpack_dual(v).tangent is not None for v in vectors)
    if along or (torch.is_grad_enabled() and any(v.requires_grad for v in vectors)):
        return "derivatives of walks have no compiled form"
    return None


def walk_replicas(
    processor: str,
    walkers: Sequence[Walker],
    x0: Float[Tensor, "r n d"],
    u0: Float[Tensor, "r n m d"],
    law: Isotropic,
    *,
    horizon: float,
    stream: Stream,
    layers: Collection[int] | None,
) -> Iterator[tuple[int, list[Tensor], list[Tensor]]]:
    """`Engine.tangents` of what there is a compiled form of."""
    deepest, (n, m, d) = max(walker.depth for walker in walkers), u0.shape[1:]
    x = _laid(_together(x0, u0).repeat(1, len(walkers), 1))
    sums = torch.zeros_like(x)
    how = _how(processor, walkers, u0, law, horizon)
    done = 0
    for k in range(1, deepest + 1) if layers is None else sorted(k for k in layers if 0 < k <= deepest):
        in_c.walk(how, _numbers(stream, done, k - done), x.numpy(), sums.numpy())
        done = k
        joint = [state.clone() for state in x[..., :d].split(n * (1 + m), dim=1)]
        yield k, [j[:, :n] for j in joint] if m else joint, [j[:, n:].unflatten(1, (n, m)) for j in joint]


def act_on_replicas(
    processor: str, law: Isotropic, vectors: Float[Tensor, "r v d"], biased: Tensor, h: float, stream: Stream
) -> Float[Tensor, "r v d"]:
    """`Engine.act` of what there is a compiled form of."""
    _, v, d = vectors.shape
    laid = _laid(vectors)
    images = torch.empty_like(laid)
    how = (processor, (), tuple(biased.tolist()), 1, 0, d, *_sizes(law, h, d), many(v, d + 1))
    in_c.act(how, _numbers(stream, stream.layer, 1), laid.numpy(), images.numpy())
    return images[..., :d].contiguous()


def recorded_replicas(
    processor: str,
    scheme: Scheme,
    x0: Float[Tensor, "r n d"],
    u0: Float[Tensor, "r n m d"],
    law: Isotropic,
    *,
    depth: int,
    horizon: float,
    stream: Stream,
) -> ReplicaTape:
    """`Engine.record` of what there is a compiled form of."""
    n, m, d = u0.shape[1:]
    start = _laid(_together(x0, u0))
    states = start.new_empty(depth + 1, *start.shape)
    states[0] = start
    z = start.new_empty(depth, len(start), n, start.shape[2])
    how = _how(processor, [Walker(scheme, depth)], u0, law, horizon)
    in_c.record(how, _numbers(stream, 0, depth), states.numpy(), z.numpy())
    return ReplicaTape(
        states[:, :, :n, :d].unbind(),
        z[..., :d].unbind(),
        states[:, :, n:, :d].unflatten(2, (n, m)).unbind(),
        states,
        z,
        how,
        stream,
    )


@dataclass(frozen=True)
class ReplicaTape(Tape):
    """States with tangents (L + 1, r, v, room) and pre-activations (L, r, n, room), from which the weights are drawn
    again."""

    laid_states: Tensor
    laid_pre_activations: Tensor
    how: How
    stream: Stream

    def backward(self, p: Float[Tensor, "r n d"]) -> Iterator[Layer]:
        depth, r, d = len(self.pre_activations), len(p), p.shape[2]
        z, behind = self.laid_pre_activations, _laid(p)
        at_once = max(BYTES_OF_COSTATES // (behind.numel() * behind.element_size()), 1)
        for stop in range(depth, 0, -at_once):
            start = max(stop - at_once, 0)
            costates, norms = behind.new_empty(stop - start, *behind.shape), behind.new_empty(2, stop - start, r)
            in_c.pull_back(
                self.how,
                _numbers(self.stream, start, stop - start),
                self.laid_states[start : stop + 1].numpy(),
                z[start:stop].numpy(),
                behind.numpy(),
                costates.numpy(),
                *norms.numpy(),
            )
            behind = costates[0]
            layers = zip(costates[..., :d].unbind(), *(norm.unbind() for norm in norms), strict=True)
            for k, layer in reversed(list(enumerate(layers, start))):
                yield Layer(k, *layer)


def _how(
    processor: str, walkers: Sequence[Walker], u0: Float[Tensor, "r n m d"], law: Isotropic, horizon: float
) -> How:
    """How these walkers step, with tangents `u0`, which may be none."""
    deepest, (n, m, d) = max(walker.depth for walker in walkers), u0.shape[1:]
    biased = len(walkers) * (n * (1.0,) + n * m * (0.0,))
    forms = tuple(_form(walker, deepest, horizon, d) for walker in walkers)
    return processor, forms, biased, n, m, d, *_sizes(law, horizon / deepest, d), many(len(biased), d + 1)


def _form(walker: Walker, deepest: int, horizon: float, d: int) -> tuple[str, str, int, bool, float, float, float]:
    """phi, psi, layers of the deepest in one, and of a diffusion slope, drift and drift over |psi(x)|^2."""
    scheme: Any = walker.scheme
    every = deepest // walker.depth
    if type(scheme) is ShallowNetwork:
        return scheme.phi, scheme.psi, every, False, 0.0, 0.0, 0.0
    slope, curvature = activation_named(scheme.phi).taylor()
    rate = 0.5 * curvature * horizon / deepest * every if scheme.ito_drift else 0.0
    sizes = scheme.law.sigma_b**2, scheme.law.sigma_w**2 / d
    return "identity", scheme.psi, every, True, slope, *(rate * size for size in sizes)


def _sizes(law: Isotropic, h: float, d: int) -> tuple[float, float]:
    """Of weights and biases over a time h."""
    return math.sqrt(h) * law.sigma_w / math.sqrt(d), math.sqrt(h) * law.sigma_b


def _numbers(stream: Stream, first: int, layers: int) -> tuple[Any, ...]:
    """Where the normals of these layers are drawn."""
    keys = (tuple(map(int, s.key)) for s in (stream, stream.part(" backward")))
    return *keys, stream.first_replica, REPLICA_BLOCK, first, layers


def _together(x: Float[Tensor, "r n d"], u: Float[Tensor, "r n m d"]) -> Float[Tensor, "r v d"]:
    return torch.cat([x, u.flatten(1, 2)], dim=1) if u.shape[2] else x


def _laid(x: Float[Tensor, "r v d"]) -> Float[Tensor, "r v room"]:
    """With room for d + 1 numbers, filled up to a multiple of 64 bytes."""
    of_vector, d = BYTES_OF_A_VECTOR // x.element_size(), x.shape[2]
    laid = x.new_zeros(*x.shape[:2], (d // of_vector + 1) * of_vector)
    laid[..., :d] = x
    return laid
