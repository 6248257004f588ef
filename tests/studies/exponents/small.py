"""Small settings of the study `exponents`, and its records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from resnet_limits.measurement.job import FinishedJob, Job
from resnet_limits.measurement.record import Record
from resnet_limits.networks.blocks.two import TwoBlock
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.studies.exponents.critical import compare, measure
from resnet_limits.studies.exponents.settings import Exponents, ExponentsKeys

SETTING = ["exponents.critical.setting", "exponents.critical.first_order.setting"]


def small(**keys: Any) -> Exponents:
    """Networks of width 8, and a search of a few."""
    width = keys.pop("width", 8)
    usual: dict[str, Any] = {
        "depth": 64,
        "replicas": 64,
        "device": "cpu",
        "block": TwoBlock(hidden=width),
        "init": IidLaw(sigma_b=0.0),
        "exponents": ExponentsKeys(inputs=4, networks=8),
        "claims": SETTING,
    }
    return Exponents(width=width, **{**usual, **keys})


def search(settings: Exponents) -> list[Record]:
    """What the search of these settings records."""
    measured = measure.measure(Job(settings))
    finished = FinishedJob(settings, measured.records, measured.arrays.get)
    return [*measured.records, *(comparison.record for comparison in compare.compare([finished]))]


def named(records: Sequence[Record], observable: str) -> Record:
    """The one record of this observable."""
    (record,) = [record for record in records if record.observable == observable]
    return record
