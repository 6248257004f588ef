"""Networks in the parametrisation of the tangent kernel: every trained parameter is N(0, 1), sizes stand outside.

    x_0 = A z / sqrt(d_in)
    x_{k+1} = x_k + phi(sqrt(h) (sigma_w/sqrt(D) W_k x_k + sigma_b b_k))        h = T/L
    y = V x_L / sqrt(D)

Parameters, replicas in front: `A` (r, D, d_in), `W` (r, L, D, D), `b` (r, L, D), `V` (r, outputs, D). Trained are `W`,
`b`, and `V` and `A` where asked for. Jacot, Gabriel & Hongler 2018 (arXiv 1806.07572); with the sizes of
Peluchetti & Favaro 2020 (arXiv 2007.03253). For gradient descent the parametrisation matters: it fixes the rates of
the parameters relative to each other so that the kernel has a limit in width and depth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..random import Stream
from .affine import linear
from .blocks import field
from .blocks.one import OneBlock
from .classifier import Forward
from .parametrisation import NTK, Scales
from .residual import forward
from .steps.euler import Euler

Parameters = Mapping[str, Tensor]

KIND_BY_LETTER = {"A": "read_in", "W": "block_last", "b": "block_bias", "V": "read_out"}
"""Which kind of parameter each one is."""


@dataclass(frozen=True)
class NtkNetwork:
    """The architecture, and which of read-in and read-out are trained beside the blocks."""

    activation: str
    depth: int
    width: int
    horizon: float
    sigma_w: float
    sigma_b: float
    read_in: bool = True
    readout: bool = True

    @property
    def scales(self) -> Scales:
        """Its parametrisation at its depth, width and horizon."""
        return NTK.at(depth=self.depth, width=self.width, horizon=self.horizon)

    @property
    def trained(self) -> tuple[str, ...]:
        """Names of the parameters that are trained."""
        return ("W", "b", *(["V"] if self.readout else []), *(["A"] if self.read_in else []))

    def initial(
        self,
        features: int,
        outputs: int,
        stream: Stream,
        *,
        replicas: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> dict[str, Tensor]:
        """Parameters at the start, all N(0, 1); a function of the stream, the replica and shapes."""

        def drawn(name: str, *shape: int, layer: int = 0) -> Tensor:
            layer_stream = stream.part(f" {name}").at(layer)
            return self.scales.start(
                KIND_BY_LETTER[name], shape, layer_stream, replicas=replicas, dtype=dtype, device=device
            )

        D = self.width
        layers = [drawn("W", D, D + 1, layer=k) for k in range(self.depth)]  # and b in the last column
        weights = torch.stack(layers, dim=1)
        return {
            "A": drawn("A", D, features),
            "W": weights[..., :D].contiguous(),
            "b": weights[..., D].contiguous(),
            "V": drawn("V", outputs, D),
        }

    def states(self, parameters: Parameters, z: Float[Tensor, "n f"], *, through: Forward) -> Float[Tensor, "r n d"]:
        """`x_L` of the points; `through` is the way from `x_0` to it."""
        A, block, scales = parameters["A"], field(OneBlock(), self.activation, self.width), self.scales
        x0 = scales.multiplied(KIND_BY_LETTER["A"], linear(z.expand(len(A), *z.shape), A), fan_in=z.shape[-1])
        weights = {
            "W": scales.multiplied(KIND_BY_LETTER["W"], parameters["W"], fan_in=self.width, sigma=self.sigma_w),
            "b": scales.multiplied(KIND_BY_LETTER["b"], parameters["b"], sigma=self.sigma_b),
        }
        return through(block, Euler(), x0, weights, NTK.block_factor(self.depth, self.horizon))

    def outputs(self, parameters: Parameters, z: Float[Tensor, "n f"], *, through: Forward) -> Float[Tensor, "r n o"]:
        """`y = V x_L / sqrt(D)` of the points."""
        y = linear(self.states(parameters, z, through=through), parameters["V"])
        return self.scales.multiplied(KIND_BY_LETTER["V"], y, fan_in=self.width)

    def gradients(
        self,
        parameters: Parameters,
        z: Float[Tensor, "n f"],
        targets: Float[Tensor, "*networks n o"],
        *,
        through: Forward,
    ) -> tuple[Float[Tensor, " r"], dict[str, Tensor]]:
        """Loss `1/(2n) sum |y - target|^2` of each replica, and its gradient by the trained parameters."""
        leaves = {name: parameters[name].detach().requires_grad_() for name in self.trained}
        with torch.enable_grad():
            off = self.outputs({**parameters, **leaves}, z, through=through) - targets
            loss = off.square().sum(dim=(1, 2)) / (2 * len(z))
        grads = torch.autograd.grad(loss.sum(), list(leaves.values()))
        return loss.detach(), dict(zip(leaves, grads, strict=True))


def tangent_kernel(network: NtkNetwork, parameters: Parameters, z: Float[Tensor, "n f"]) -> Float[Tensor, "r n n"]:
    """`<dy_i/dtheta, dy_j/dtheta>` of the first output over the trained parameters, by `torch.func`; float64.

    At infinite width the outputs do not interact, and each has this kernel. Memory: n copies of the parameters.
    """

    def output(trained: dict[str, Tensor], fixed: dict[str, Tensor]) -> Tensor:
        one = {name: tensor.unsqueeze(0) for name, tensor in {**trained, **fixed}.items()}
        one["V"] = one["V"][:, :1]
        return network.outputs(one, z, through=forward)[0, :, 0]

    trained = {name: parameters[name] for name in network.trained}
    fixed = {name: tensor for name, tensor in parameters.items() if name not in trained}
    rows = torch.func.vmap(torch.func.jacrev(output))(trained, fixed)  # each (r, n, *shape)
    flat = [rows[name].flatten(2) for name in network.trained]
    return sum((torch.bmm(j, j.mT).double() for j in flat), torch.zeros(()))
