"""`hamiltonian.energy.*`: by how much the energy of the limit drifts when an integrator follows it in L steps.

energy_drift = max_s |H_s - H_0| / H_0,      from the P_0 of the shooting
"""

from __future__ import annotations

from ....limits.hamiltonian.integrators import INTEGRATORS
from ....limits.hamiltonian.trajectory import integrate
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ..limit import limit
from ..problem import ROUNDING, setup
from .claims import SCHEMES


def measure(job: Job) -> Measurement:
    """A drift for each symplectic integrator whose flow got to the end; the energy where it ended, where not."""
    settings, problem = job.settings, setup(job.settings)
    its, records = limit(job, settings, problem, "trained"), []
    if its.why:
        return Measurement([])
    for i, scheme in enumerate(SCHEMES):
        job.progress(i / len(SCHEMES), scheme)
        path = integrate(problem.kernel, problem.q0, its.momenta[0], INTEGRATORS[scheme], settings.depth)
        coordinates = {"of": "own", "scheme": scheme}
        if path.diverged:
            records.append(Record("diverged_energy", float(path.energy[-1]), coordinates=coordinates))
        else:
            records.append(
                Record("energy_drift", path.drift, reference_error=settings.depth * ROUNDING, coordinates=coordinates)
            )
    return Measurement(records)
