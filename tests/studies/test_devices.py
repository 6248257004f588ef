"""Which parts of a study compute on the key `device`, as each declares it: found out, not believed."""

from __future__ import annotations

import ast
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

import resnet_limits
from resnet_limits import device
from resnet_limits.measurement.job import Job
from resnet_limits.settings.registry import STUDIES
from resnet_limits.studies import study
from tests.planting import plant

PARTS = [(name, part) for name in STUDIES for part in study.get(name).parts]
BLIND = ("gamma", "hamiltonian")
"""Studies no file of which knows of a device."""


class Asked(Exception):
    """Somebody wants to know the device."""


@pytest.fixture
def asking(monkeypatch):
    def resolve(name: str):
        raise Asked

    plant(monkeypatch, device.resolve, resolve)


@cache
def smoke(name: str):
    """The settings of the smallest depth."""
    return import_module("reslim_cli.hydra_bridge").plan([f"study={name}", "preset=smoke"]).jobs[0].settings


@pytest.mark.slow
@pytest.mark.parametrize(("name", "part"), [part for part in PARTS if part[0] not in BLIND])
def test_a_part_asks_for_the_device_unless_it_says_that_it_computes_on_the_cpu(name, part, asking):
    settings, least = smoke(name), study.get(name).group(part).depths.low or 0
    settings = replace(settings, claims=list(study.get(name).parts[part]), device="cuda")
    settings = replace(settings, depth=max(settings.depth, least))
    if study.get(name).group(part).on_cpu:
        assert study.get(name).device(settings) == "cpu"
        assert study.get(name).measure(Job(settings)).records
    else:
        assert study.get(name).device(settings) == "cuda"
        with pytest.raises(Asked):
            study.get(name).measure(Job(settings))


@pytest.mark.parametrize("name", BLIND)
def test_a_study_that_knows_of_no_device_says_so_of_every_part(name):
    for path in (Path(resnet_limits.__file__).parent / "studies" / name).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            assert getattr(node, "attr", getattr(node, "id", getattr(node, "arg", ""))) != "device", path
    assert all(group.on_cpu for group in study.get(name).groups)


def test_a_gpu_that_is_asked_for_and_not_used_is_said_and_one_that_is_used_is_not():
    kernel, gamma, ode = (study.get(name) for name in ("kernel", "gamma", "ode"))
    settings = gamma.settings(study="gamma", device="cuda:1")
    assert gamma.all_warnings(settings) == ["device=cuda:1: study gamma computes on the CPU alone; no GPU is used"]
    assert gamma.all_warnings(replace(settings, device="auto")) == []
    exact = kernel.settings(study="kernel", device="cuda", claims=["kernel.moments"])
    assert "claims=[kernel.moments] computes on the CPU alone" in kernel.all_warnings(exact)[-1]
    mixed = replace(exact, claims=["kernel.moments", "kernel.diagram"])
    assert [line for line in kernel.all_warnings(mixed) if "device" in line] == []
    assert ode.all_warnings(ode.settings(study="ode", device="cuda")) == []
