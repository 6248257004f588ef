"""`hamiltonian.warped.*`: a network trained with its read-out by gradients, against regression by the Gram matrix.

    warped_missed     max_x |g(phi x) - k(x)^T (K + n ridge)^-1 y| / max_x |g(phi x)|,  K_ij = K(phi x_i, phi x_j)
    warped_value      |loss - ridge/2 y^T (K + n ridge)^-1 y|, relative, the loss with the read-out's penalty
    warped_variance   mean of (g*(x) - g(x))^2 / sigma^2(x) over Gaussian targets with noise of variance n ridge
    warped_error      max of |g*(x) - g(x)| / (P(x) |g*|) over targets without noise; warped_sharp: of the worst target

`phi` are the layers of one network of `DEPTH_OF_WARP`, whatever the depth of the job. Read-outs of further targets are
trained by gradients where the layers stay.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ....inference.dense import Posterior, posterior
from ....limits.hamiltonian.warped import WarpedKernel
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....random import generator
from ....training.minimiser import Minimum, minimise
from ...pinned import pinned
from ..outside import matrix_valued_kernel
from ..problem import START_STANDARD_DEVIATION, key_of_solution, new_points, setup
from ..readout import NetworkWithReadout, Readouts, loss_of_readout, trained_readouts
from ..settings import Hamiltonian
from .claims import DEPTH_OF_WARP, NEW_POINTS, OBSERVABLES_OF_WARPED, PINS_OF_WARPED, TARGETS_A_REPLICA


def measure(job: Job) -> Measurement:
    if matrix_valued_kernel(job.settings):
        return Measurement()
    settings, coordinates = pinned(job.settings, PINS_OF_WARPED), {"of": "warped", **PINS_OF_WARPED}
    more = {"depth": DEPTH_OF_WARP, "replicas": settings.replicas, "minimiser": asdict(settings.minimiser)}
    solution = job.shared.solve("warped", key_of_solution(settings, **more), lambda: of_both_regressions(job, settings))
    targets, tolerance = TARGETS_A_REPLICA * settings.replicas, settings.minimiser.tolerance
    norm, eigenvalue = solution["certificate"].tolist()
    records = [
        Record("gradient_norm", norm, reference=tolerance, coordinates=coordinates, replicas=1),
        Record("smallest_eigenvalue", eigenvalue, coordinates=coordinates, replicas=1),
    ]
    for name in OBSERVABLES_OF_WARPED:
        value, error, stderr = solution[name].tolist()
        records.append(
            Record(name, value, stderr=stderr, reference_error=error, coordinates=coordinates, replicas=targets)
        )
    return Measurement(records)


def of_both_regressions(job: Job, settings: Hamiltonian) -> dict[str, np.ndarray]:
    """By observable its value, what it may be off by, and its standard error; and the certificate of the minimum."""
    problem = setup(settings)
    job.progress(0.0, "layers and read-out")
    objective = NetworkWithReadout(problem.network(DEPTH_OF_WARP), problem.loss.y, settings.hamiltonian.ridge)
    end = trained_together(objective, settings)
    job.progress(0.5, "read-outs of other targets")
    pair = Regressors(objective, end, new_points(problem, settings, NEW_POINTS), settings)
    certificate = np.array([end.relative_gradient, end.smallest_eigenvalue])
    values = {
        "warped_missed": pair.missed(),
        "warped_value": pair.value_missed(),
        **pair.gaussian_targets(),
        "warped_sharp": pair.worst_targets(),
    }
    return {"certificate": certificate, **{name: np.array(numbers) for name, numbers in values.items()}}


def trained_together(objective: NetworkWithReadout, settings: Hamiltonian) -> Minimum:
    """Layers and read-out, from small weights and no read-out."""
    layers, readout = objective.numbers
    small = START_STANDARD_DEVIATION * generator(settings.seed, "hamiltonian.warped").standard_normal(layers)
    start = np.concatenate([small, np.zeros(readout)])
    keys = settings.minimiser
    return minimise(objective, start, tolerance=keys.tolerance, iterations=keys.iterations)


Number = tuple[float, float, float]
"""A value, what it may be off by, its standard error (nan: not random)."""


@dataclass(frozen=True)
class Regressors:
    """A network that was trained with its read-out, regression with its warped kernel, and new points `x` (m, d)."""

    objective: NetworkWithReadout
    end: Minimum
    x: Float[Tensor, "m d"]
    settings: Hamiltonian

    @cached_property
    def parts(self) -> tuple[Tensor, Tensor]:
        """The weights of the layers, and the read-out."""
        return self.objective.parts(torch.from_numpy(self.end.point))

    @cached_property
    def ends(self) -> tuple[Tensor, Tensor]:
        """Training points and new points behind the layers."""
        network, (w, _) = self.objective.network, self.parts
        states = network.states(w)
        return states[-1], network.carried_along(self.x, w, states)[-1]

    @cached_property
    def gram(self) -> Posterior:
        """Regression with the warped kernel, by its matrix."""
        network, (w, _) = self.objective.network, self.parts
        states = network.states(w)
        warped = WarpedKernel(network.kernel, lambda x: network.carried_along(x, w, states)[-1])
        n, y = len(network.q0), self.objective.y
        return posterior(warped, network.q0, y, ridge=n * self.objective.ridge)

    @cached_property
    def roots(self) -> tuple[Tensor, Tensor]:
        """Of the warped kernel: functions of norm `|v|` have the values `roots v` at training and at new points."""
        q, phi = self.ends
        f = self.objective.network.kernel.at(torch.cat([q, phi])).root()
        return f[: len(q)], f[len(q) :]

    @property
    def left(self) -> float:
        """Relative, of the Gram matrix by rounding and of the read-out by its gradient."""
        _, R = self.parts
        return self.gram.error + self.end.gradient_norm / self.objective.ridge / float(R.norm())

    def missed(self) -> Number:
        (q, phi), (_, R) = self.ends, self.parts
        scores = Readouts(self.objective.network.kernel, q, R, 0.0)(phi)
        return float((scores - self.gram.mean(self.x)).abs().max() / scores.abs().max()), self.left, np.nan

    def value_missed(self) -> Number:
        (q, _), (_, R), y, ridge = self.ends, self.parts, self.objective.y, self.objective.ridge
        loss = float(loss_of_readout(self.objective.network.kernel.at(q).root(), R, y, ridge))
        expected = ridge / 2 * float((y * self.gram.coefficients).sum())
        return abs(loss - expected) / loss, self.left, np.nan

    def errors(self, at_points: Tensor, at_new: Tensor) -> tuple[Tensor, float]:
        """`g*(x) - g(x)` at new points of read-outs trained on targets, (m, targets), and what each may be off by."""
        (q, phi), ridge = self.ends, self.objective.ridge
        iterations = self.settings.minimiser.iterations
        trained = trained_readouts(self.objective.network.kernel, q, at_points, ridge=ridge, iterations=iterations)
        return at_new - trained(phi), trained.off

    def gaussian_targets(self) -> dict[str, Number]:
        """Mean square errors of targets with noise, by the posterior variance; the largest error of those without."""
        roots, stream = self.roots, generator(self.settings.seed, "hamiltonian.warped.targets")
        count = TARGETS_A_REPLICA * self.settings.replicas
        v = torch.from_numpy(stream.standard_normal((roots[0].shape[1], count)))
        noise = torch.from_numpy(stream.standard_normal((len(roots[0]), count)))
        at_points, at_new = roots[0] @ v, roots[1] @ v
        noisy, _ = self.errors(at_points + (len(roots[0]) * self.objective.ridge) ** 0.5 * noise, at_new)
        shares = (noisy.square() / self.gram.variance(self.x)[:, None]).mean(dim=0)
        exact, off = self.errors(at_points, at_new)
        bound = self.gram.power(self.x)[:, None] * v.norm(dim=0)
        rounding = self.gram.error + off * float((roots[1].norm(dim=1)[:, None] / bound).max())
        spread = float(shares.std()) / count**0.5
        return {
            "warped_variance": (float(shares.mean()), self.gram.error, spread),
            "warped_error": (float((exact.abs() / bound).max()), rounding, np.nan),
        }

    def worst_targets(self) -> Number:
        """`|g*(x) - g(x)| / (P(x) |g*|)` of the target that is worst at x, where it is farthest from 1."""
        at_points, at_new = self.roots
        worst = at_new - self.gram.weights(self.x).T @ at_points
        errors, off = self.errors(at_points @ worst.T, at_new @ worst.T)
        bound = self.gram.power(self.x) * worst.norm(dim=1)
        ratios = errors.diagonal().abs() / bound
        rounding = self.gram.error + off * float((at_new.norm(dim=1) / bound).max())
        return float(ratios[(ratios - 1).abs().argmax()]), rounding, np.nan
