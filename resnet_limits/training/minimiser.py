"""A minimiser for depth-regularised problems, with a certificate: L-BFGS, then Newton with Hessian-vector products.

    minimise J(u) = |u|^2 + loss(u)        or nu/2 |u|^2 + loss(u)

`u` are scaled variables in which the penalty is a multiple of the identity: the Hessian is then that multiple plus a
part that the data make, whose spectrum tends to a limit as the network gets deeper, and conjugate gradients take as
many steps at every depth. In plain weights the condition number grows with depth and L-BFGS stalls.

    1. L-BFGS until |grad| |u| / J <= 1e-3       from far away, cheap steps
    2. Newton, truncated conjugate gradients in a trust region (`newton.py`), to the tolerance and one step on
    3. the certificate: the gradient norm, and the smallest eigenvalue of the Hessian (`certificate.py`)

L-BFGS alone stops at relative gradients of 1e-8, where the differences of values that its line search sees are
rounding; Newton steps below that are judged by the gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize
from torch import Tensor

from ..errors import RequestError
from ..in_words import InWords
from .certificate import smallest_eigenvalue
from .newton import newton, relative_gradient
from .objective import Descended, Differentiated, Objective

HANDOVER_GRADIENT = 1e-3
"""Relative gradient norm at which L-BFGS hands over to Newton."""
WARM_REGION = 0.1
"""First trust region of a warm start, relative to the size of its point."""
PAIRS_OF_LBFGS = 20
"""Pairs that L-BFGS keeps."""


@dataclass(frozen=True, repr=False)
class Minimum(InWords):
    """Where a minimisation ended, and what certifies it.

    `relative_gradient` is `|grad| |u| / |J|`, free of units. `smallest_eigenvalue` is that of the Hessian, less what it
    may be off: positive at a strict local minimum; nan where it was not asked for. `converged`: both hold; `why` says
    in words what did not.
    """

    point: Float[np.ndarray, " n"]
    value: float
    gradient_norm: float
    relative_gradient: float
    smallest_eigenvalue: float
    lbfgs_iterations: int
    newton_iterations: int
    hessian_products: int
    converged: bool
    why: str

    def headline(self) -> str:
        """Where it ended, and whether that is a minimum."""
        ended = f"value {self.value:.6g} at a point of {len(self.point)} numbers"
        return f"minimum, {ended}" if self.converged else f"no minimum reached, {ended}: {self.why}"

    def facts(self) -> dict[str, str]:
        """The certificate, and what it took."""
        return {
            "relative gradient": f"{self.relative_gradient:.1e}",
            "smallest eigenvalue": f"{self.smallest_eigenvalue:.3g}",
            "iterations": f"{self.lbfgs_iterations} of L-BFGS, {self.newton_iterations} of Newton",
        }

    @property
    def distance(self) -> float:
        """`|grad| / smallest eigenvalue`: how far, to leading order, the true minimiser can be at most."""
        return self.gradient_norm / self.smallest_eigenvalue if self.smallest_eigenvalue > 0 else math.inf


def _vector(start: Any) -> Float[np.ndarray, " n"]:
    """The start in float64. Raises `RequestError` for what is no vector of one or more numbers."""
    try:
        u = np.array(start.detach().cpu().double().numpy() if isinstance(start, Tensor) else start, dtype=np.float64)
    except (TypeError, ValueError):
        raise RequestError(f"minimise: expected numbers to start from, got {start!r}") from None
    if u.ndim != 1 or not len(u):
        raise RequestError(f"minimise: expected a vector of one or more numbers to start from, got shape {u.shape}")
    return u


def minimise(
    objective: Objective | Callable[[Tensor], Tensor],
    start: Float[np.ndarray, " n"] | Float[Tensor, " n"] | Sequence[float],
    *,
    tolerance: float = 1e-10,
    iterations: int = 200,
    warm: bool = False,
    certify: bool = True,
) -> Minimum:
    """A local minimum of `objective` near where L-BFGS leads from `start`, in float64, the same on every call.

    `objective` is an `Objective`, or a function of a float64 tensor (n,) that torch can differentiate twice.
    `tolerance` is for the relative gradient norm; `iterations` bounds each of the two phases. `warm`: the start is near
    the minimum, and Newton alone goes on from there in small steps: L-BFGS might leave it for another one. With
    `certify=False` the Hessian's smallest eigenvalue is not computed. A minimum that is not reached is returned with
    `converged=False`, and `why`. Raises `RequestError` for what is no function, and for a start that is no vector.

    >>> import numpy as np
    >>> import resnet_limits as rl
    >>> minimum = rl.minimise(lambda u: (u[0] - 1) ** 2 + 10 * (u[1] - u[0] ** 2) ** 2, np.zeros(2))
    >>> minimum.converged, minimum.point.round(6).tolist()
    (True, [1.0, 1.0])
    """
    if not isinstance(objective, Objective) and not callable(objective):
        raise RequestError(f"minimise: expected a function of a vector, got {objective!r}; try lambda u: (u**2).sum()")
    differentiable = objective if isinstance(objective, Objective) else Differentiated(objective)
    u = _vector(start)
    u, lbfgs = (u, 0) if warm else descend(differentiable, u, iterations)
    radius = WARM_REGION * float(np.linalg.norm(u)) if warm else 0.0
    end = newton(differentiable, u, tolerance=tolerance, iterations=iterations, radius=radius or math.inf)
    relative = relative_gradient(end.value, end.gradient, end.point)
    eigenvalue = smallest_eigenvalue(differentiable.hessian(end.point), len(u)) if certify else math.nan
    why = ""
    if not relative <= tolerance:
        why = f"the relative gradient norm is {relative:.1e}, above {tolerance:.0e} ({end.why})"
    elif certify and not eigenvalue > 0:
        why = f"the Hessian has an eigenvalue of {eigenvalue:.2g}: no minimum, or a flat one"
    return Minimum(
        point=end.point,
        value=end.value,
        gradient_norm=float(np.linalg.norm(end.gradient)),
        relative_gradient=relative,
        smallest_eigenvalue=eigenvalue,
        lbfgs_iterations=lbfgs,
        newton_iterations=end.iterations,
        hessian_products=end.products,
        converged=not why,
        why=why,
    )


def descend(
    objective: Descended, u: np.ndarray, iterations: int, *, until: float = HANDOVER_GRADIENT
) -> tuple[np.ndarray, int]:
    """L-BFGS from `u` until the relative gradient is at most `until`, small enough for Newton; the best point and its
    iterations."""
    last: dict[bytes, float] = {}

    def value_and_gradient(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = objective.value_and_gradient(x)
        last.clear()
        last[x.tobytes()] = relative_gradient(value, gradient, x)
        return value, gradient

    def near(x: np.ndarray) -> None:
        if last.get(x.tobytes(), math.inf) <= until:
            raise StopIteration

    value, gradient = value_and_gradient(u)
    if relative_gradient(value, gradient, u) <= until:
        return u, 0
    options = {"maxcor": PAIRS_OF_LBFGS, "maxiter": iterations, "maxfun": 20 * iterations, "ftol": 0.0, "gtol": 0.0}
    end = minimize(value_and_gradient, u, jac=True, method="L-BFGS-B", callback=near, options=options)
    return np.asarray(end.x), int(end.nit)
