"""Standard errors are calibrated: the scatter of estimates over seeds is what they say, within its own error."""

from __future__ import annotations

import importlib
import math
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from resnet_limits.measurement.job import InMemory, Job
from resnet_limits.studies.sde.functions import measure as functions
from resnet_limits.studies.sde.law import measure as law
from resnet_limits.studies.sde.problem import inputs
from resnet_limits.studies.sde.settings import Sde, SdeKeys
from resnet_limits.studies.sde.strong import measure as strong
from tests.planting import plant, resize

SEEDS = 24
SMALL = Sde(width=4, replicas=64, depth=2, sde=SdeKeys(inputs=1))
LIGHT = {
    "strong_error", "weak_error", "weak_mean", "weak_difference", "weak_constant", "weak_steps",
    "log_norm_ratio", "log_abs_det_jacobian", "log_volume_slope", "log_volume_var",
    "second_difference", "deep_overlap", "deep_weak_error", "deep_drift",
}  # fmt: skip
"""Those whose squares have tails that so few replicas know."""


def scatter(part: str) -> dict[tuple[str, ...], tuple[float, float]]:
    """Standard deviation over seeds, and root mean square of the standard errors, by observable and scheme."""
    module, pairs_by_claim = importlib.import_module(f"resnet_limits.studies.sde.{part}.measure"), defaultdict(list)
    for seed in range(SEEDS):
        for r in module.measure(Job(replace(SMALL, seed=seed), InMemory())).records:
            if r.observable in LIGHT and math.isfinite(r.stderr):
                pairs_by_claim[r.observable, str(r.coordinates.get("scheme"))].append((r.value, r.stderr))
    arrays = {key: np.array(values) for key, values in pairs_by_claim.items()}
    return {key: (float(a[:, 0].std(ddof=1)), float(np.sqrt((a[:, 1] ** 2).mean()))) for key, a in arrays.items()}


@pytest.mark.slow
@pytest.mark.parametrize("part", ["strong", "weak", "law", "functions", "deep"])
def test_the_scatter_over_seeds_is_the_standard_error(part: str, monkeypatch: pytest.MonkeyPatch):
    resize(
        monkeypatch,
        law,
        MIN_NETWORKS_OF_LAW=64,
        MIN_NETWORKS_ON_OTHER_NOISE=64,
        NETWORKS_TESTED_A_REPLICA=1,
        FEWEST_TESTS=8,
        STEPS_OF_NORM_DIFFUSION=2,
        STATES_COMPARED_AT_A_TIME=64,
    )
    resize(monkeypatch, strong, REFERENCE_LAYERS_A_LAYER=4, MIN_NETWORKS_OF_REFERENCE=64, MIN_NETWORKS_OF_WIDTH_1=64)
    resize(monkeypatch, functions, MIN_NETWORKS_OF_BEND=64)
    plant(monkeypatch, functions.functions_on_noise, lambda *a: {})
    # Inputs are drawn by seed, and what networks do depends on them: here all have those of one.
    plant(monkeypatch, inputs, lambda settings, **more: inputs(replace(settings, seed=0), **more))
    scatters = scatter(part)
    assert scatters
    # A deviation over 24 seeds is known to 1/7; four of its own errors, and a fifth for tails and 1/replicas.
    for key, (deviation, stderr) in scatters.items():
        assert abs(math.log(deviation / stderr)) < 4 / 7 + 0.2, (key, deviation, stderr)
