"""Every group of claims of `sde` is measured on a GPU too."""

from __future__ import annotations

import importlib
import math

import pytest
import torch

from resnet_limits.measurement.job import InMemory, Job
from resnet_limits.studies.sde.settings import Sde
from resnet_limits.studies.sde.study import STUDY


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("group", [group.name for group in STUDY.groups])
def test_a_group_is_measured_on_a_device(group: str):
    settings = Sde(depth=2, width=8, replicas=16, device="cuda")
    measurement = importlib.import_module(f"resnet_limits.studies.sde.{group}.measure").measure(
        Job(settings, InMemory())
    )
    assert measurement.records
    assert all(math.isfinite(r.value) for r in measurement.records)
