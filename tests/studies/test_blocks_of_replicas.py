"""Nothing that is recorded depends on the pieces in which replicas, paths, points and layers are worked through.

Random numbers and all that is done entry by entry are the same bit for bit in pieces of any size. A product of matrices
rounds with the size of its batch: replicas are run in blocks whose size is a constant, never what memory allows.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

import pytest
import torch

from resnet_limits.data import images
from resnet_limits.limits.averaged import martingale_response
from resnet_limits.measurement.job import Job
from resnet_limits.networks.residual import forward
from resnet_limits.paths.draw import draw_path
from resnet_limits.paths.laws.fractional import FractionalLaw
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.paths.laws.rough import RoughLaw
from resnet_limits.paths.laws.smooth import SmoothLaw
from resnet_limits.paths.laws.tied import TiedLaw
from resnet_limits.settings.training import Train
from resnet_limits.studies.ode.averaged import claims
from resnet_limits.studies.ode.averaged import measure as averaged
from resnet_limits.studies.ode.random_start import measure as random_start
from resnet_limits.studies.ode.rough import measure as rough
from resnet_limits.studies.ode.settings import Ode, OdeKeys
from resnet_limits.studies.ode.trained import measure as trained
from resnet_limits.training import observables
from tests.planting import plant, resize

NORMALS = import_module("resnet_limits.random.normals")
"""By its name: the package holds a function that is called the same."""
ODD = Ode(
    depth=6,
    width=7,
    replicas=70,
    device="cpu",
    ode=OdeKeys(inputs=3, paths=2, draws=3),
    train=Train(epochs=1, replicas=2),
)
"""Sizes that no vector of the processor divides."""


def records(part, settings: Ode = ODD):
    measurement = part.measure(Job(settings))
    return measurement.records, {name: array.tobytes() for name, array in measurement.arrays.items()}


@pytest.mark.parametrize(
    ("part", "module", "name", "pieces"),
    [
        (averaged, NORMALS, "NORMALS_A_PIECE", (1, 1000)),
        (rough, NORMALS, "NORMALS_A_PIECE", (1, 10**6)),
        (trained, observables, "LAYERS_A_PIECE", (1, 4, 10**6)),
        (random_start, NORMALS, "NORMALS_A_PIECE", (1, 1000)),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)).rsplit(".", 1)[-1],
)
def test_records_are_the_same_bit_for_bit_in_pieces_of_any_size(part, module, name, pieces, monkeypatch):
    settings = ODD if part is not rough else replace(ODD, replicas=3)
    whole = repr(records(part, settings))
    for piece in pieces:
        resize(monkeypatch, module, **{name: piece})
        assert repr(records(part, settings)) == whole, piece


@pytest.mark.parametrize("part", [trained, random_start], ids=["trained", "random_start"])
def test_no_budget_of_memory_changes_a_record(part):
    first, *others = (repr(records(part, replace(ODD, train=replace(ODD.train, memory=m)))) for m in (256.0, 0.0, 0.01))
    assert others == [first, first]


@pytest.mark.parametrize(
    "law", [SmoothLaw(), IidLaw(), RoughLaw(), FractionalLaw(), TiedLaw()], ids=lambda law: law.name
)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_more_replicas_leave_the_paths_of_the_first_as_they_are(law, dtype):
    def weights(replicas: int, first: int = 0):
        path = draw_path(
            law,
            {"W": (3, 3), "b": (3,)},
            depth=5,
            horizon=1.0,
            replicas=replicas,
            first_replica=first,
            seed=1,
            dtype=dtype,
        )
        return path.at(torch.arange(5) / 5)

    more, fewer, middle = weights(128), weights(64), weights(7, first=60)
    for name, values in more.items():
        assert torch.equal(values[:64], fewer[name])
        assert torch.equal(values[60:67], middle[name])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("part", [averaged, rough], ids=["averaged", "rough"])
def test_more_replicas_leave_the_outputs_of_the_first_as_they_are(part, dtype, monkeypatch):
    """Whole blocks: `replicas=128` runs the first 64 as `replicas=64` does."""
    original, seen = martingale_response if part is averaged else forward, []

    def noted(*arguments):
        result = original(*arguments)
        seen.extend([result[0]] if isinstance(result, tuple) else [result])
        return result

    plant(monkeypatch, original, noted)
    outputs = []
    for replicas in (64, 128):
        seen.clear()
        part.measure(Job(replace(ODD, replicas=replicas, dtype=dtype)))
        outputs.append(list(seen))
    fewer, more = outputs
    assert len(more) == 2 * len(fewer)
    assert all(torch.equal(a, b) for a, b in zip(fewer, more[: len(fewer)], strict=True))


SIZES = [(averaged, claims, "AVERAGED_REPLICAS_A_PIECE"), (rough, rough, "ROUGH_REPLICAS_A_PIECE")]


@pytest.mark.parametrize(("part", "home", "size"), SIZES, ids=["averaged", "rough"])
def test_blocks_of_another_size_draw_the_same_and_round_otherwise(part, home, size, monkeypatch):
    """The size of a block is a constant because of the last bits alone."""
    (whole, _), settings = records(part), ODD
    resize(monkeypatch, home, **{size: 5})
    for one, other in zip(records(part, settings)[0], whole, strict=True):
        assert one.value == pytest.approx(other.value, rel=1e-12)
        assert one.stderr == pytest.approx(other.stderr, rel=1e-11)
        assert one.reference_error == pytest.approx(other.reference_error, rel=1e-12, nan_ok=True)


@pytest.mark.parametrize("piece", [1, 5, 10**6])
def test_images_become_the_same_points_in_pieces_of_any_size(piece, monkeypatch):
    x = torch.randint(0, 256, (50, 3, 5, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    chosen = torch.arange(0, 50, 3)

    def points():
        mean, deviation = images.channel_statistics(x, chosen)
        return mean, deviation, images.standardised(x, chosen, mean, deviation)

    whole = points()
    resize(monkeypatch, images, IMAGES_A_PIECE=piece)
    assert all(torch.equal(a, b) for a, b in zip(points(), whole, strict=True))
