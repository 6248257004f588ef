"""`exponents.critical.*`: crossings, and the critical exponent with its interval, from what jobs kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ....measurement.job import FinishedJob
from ....measurement.record import Comparison, Record, unknown
from ..theory import without_exponent
from .claims import Network, searched_networks
from .search import Crossing, bias_of_search, crossings, depths_of_search


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    """The crossings of each job's networks."""
    return [
        Comparison(job.settings.depth, record)
        for job in jobs
        for network in searched_networks(job.settings)
        for record in _records(job, network)
    ]


def _records(job: FinishedJob, network: Network) -> Iterator[Record]:
    betas, changes, depths = (job.array(f"critical.{network.key}.{name}") for name in ("betas", "changes", "depths"))
    where = {"network": network.name, "blocks": network.blocks, "weights": network.weights}
    if len(of_search := depths_of_search(job.settings.depth)) < 3:
        known = ", ".join(map(str, of_search))
        why = f"the search takes the depths L/64, L/8 and L, and of L={job.settings.depth} there are {known} alone"
        for observable in ("critical_beta", "crossing_error"):
            yield unknown(observable, f"{why}; take a depth that 64 divides", where)
        return
    if betas is None or changes is None or depths is None:
        return
    zeros = crossings(depths.tolist(), betas, changes)
    if isinstance(zeros, str):
        for observable in ("critical_beta", "crossing_error"):
            yield unknown(observable, zeros, where)
        return

    def record(observable: str, crossing: Crossing, less: float = 0.0, bias: float = float("nan")) -> Record:
        value, networks = crossing.beta - less, changes.shape[-1]
        return Record(observable, value, crossing.stderr, reference_error=bias, coordinates=where, replicas=networks)

    yield record("crossing_shallow", zeros.shallow)
    yield record("crossing_deep", zeros.deep)
    for exact in job.records:
        if exact.observable == "first_order_crossing" and exact.coordinates.get("network") == network.name:
            yield record("crossing_error", zeros.deep, exact.value)
    why = without_exponent(network.init, network.block, network.activation) or zeros.unsettled
    if why is not None:
        yield unknown("critical_beta", why, where)
    else:
        yield record("critical_beta", zeros.critical, bias=bias_of_search(job.settings.depth))
