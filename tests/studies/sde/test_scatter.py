"""Standard errors are what values scatter by: over draws of the noise, of every random observable of these groups.

The inputs are the same. Of 16 draws the ratio of the two has an error of 0.18: a standard error that is divided by n in
place of its root, or not at all, is off by the root of the number of networks, here 4 or more.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from importlib import import_module

import pytest

from resnet_limits.measurement.job import Job
from resnet_limits.random import Stream
from resnet_limits.studies.sde.settings import Sde, SdeKeys
from tests.planting import plant

DRAWS = 16
DEPTHS = {"matrix_normal": 8, "correlation": 8, "backward": 8, "prenorm": 8, "convolutional": 2, "explosion": 32}
REPLICAS = {"convolutional": 512}
ROUNDING = 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("group", list(DEPTHS))
def test_values_scatter_by_their_standard_errors(group: str, monkeypatch: pytest.MonkeyPatch):
    measure = import_module(f"resnet_limits.studies.sde.{group}.measure").measure
    settings = Sde(width=6, replicas=REPLICAS.get(group, 64), depth=DEPTHS[group], sde=SdeKeys(threshold=100.0))
    values, errors = defaultdict(list), defaultdict(list)
    for draw in range(DRAWS):
        with monkeypatch.context() as patch:
            other_stream = lambda seed, *where, draw=draw, **more: Stream(1000 + draw, *where, **more)  # noqa: E731
            plant(patch, Stream, other_stream, within=f"resnet_limits.studies.sde.{group}")
            records = measure(Job(settings)).records
        for record in records:
            if record.layer is None and record.stderr is not None and record.stderr > ROUNDING:
                where = record.observable, *(str(record.coordinates.get(c)) for c in ("scheme", "pair"))
                values[where].append(record.value)
                errors[where].append(record.stderr)
    ratios = {
        where: statistics.stdev(sample) / math.sqrt(statistics.mean(e**2 for e in errors[where]))
        for where, sample in values.items()
        if len(sample) == DRAWS
    }
    assert len(ratios) >= 3
    assert {where: ratio for where, ratio in ratios.items() if not 0.4 < ratio < 1.8} == {}
