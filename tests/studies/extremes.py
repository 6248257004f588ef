"""Each key of a study at the ends of its range, one at a time, on jobs of a second: what a measurement makes of them.

    settings of a tiny job -> one key at an end of its range, or a degenerate pair of keys -> parts -> verdicts

Sizes (whole numbers) go to their lower end alone: at the upper one they ask for memory and time, which planning weighs.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import tempfile
import typing
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import pytest
from torch import Tensor

from resnet_limits.claims.claim import Judgement
from resnet_limits.claims.judge import judge
from resnet_limits.data import loading
from resnet_limits.data.dataset import Dataset
from resnet_limits.data.sources.circles import CirclesData
from resnet_limits.data.sources.moons import MoonsData
from resnet_limits.data.sources.spirals import SpiralsData
from resnet_limits.errors import ReslimError, SettingError
from resnet_limits.measurement.job import InMemory, Job
from resnet_limits.networks.blocks.two import TwoBlock
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.paths.laws.matrix_normal import MatrixNormalLaw
from resnet_limits.paths.laws.zero import ZeroLaw
from resnet_limits.runs.records import table
from resnet_limits.settings.base import Settings
from resnet_limits.settings.checks import check_values
from resnet_limits.settings.content import job_name
from resnet_limits.settings.keys import Entry, describe
from resnet_limits.settings.registry import groups, options_of
from resnet_limits.settings.training import Minimiser, Train
from resnet_limits.studies import study as studies
from resnet_limits.studies.exponents.settings import Exponents, ExponentsKeys
from resnet_limits.studies.flow.settings import Flow, FlowKeys, ImageKeys
from resnet_limits.studies.gamma.settings import Gamma, GammaKeys
from resnet_limits.studies.hamiltonian.settings import Hamiltonian, HamiltonianKeys
from resnet_limits.studies.kernel.settings import Kernel, KernelKeys, MiniBatchKeys
from resnet_limits.studies.ode.settings import Ode, OdeKeys
from resnet_limits.studies.sde.settings import Sde, SdeKeys
from tests.planting import plant

LOSSES = Minimiser(iterations=40)
TINY: dict[str, Settings] = {
    "ode": Ode(
        depth=4,
        width=2,
        replicas=4,
        device="cpu",
        data=MoonsData(train_size=20, test_size=10),
        train=Train(epochs=1, batch_size=10, replicas=2),
        ode=OdeKeys(inputs=2, draws=2, paths=2),
    ),
    "sde": Sde(depth=4, width=4, replicas=8, device="cpu", sde=SdeKeys(threshold=100.0)),
    "exponents": Exponents(
        depth=4,
        width=4,
        replicas=4,
        device="cpu",
        block=TwoBlock(hidden=4),
        exponents=ExponentsKeys(inputs=2, networks=4),
    ),
    "gamma": Gamma(
        depth=4,
        width=2,
        replicas=2,
        device="cpu",
        data=MoonsData(train_size=20, test_size=10),
        gamma=GammaKeys(dimension=1, points=4, train_points=10),
        minimiser=LOSSES,
    ),
    "hamiltonian": Hamiltonian(
        depth=4,
        replicas=3,
        device="cpu",
        data=MoonsData(train_size=20, test_size=10),
        hamiltonian=HamiltonianKeys(points=6, steps=16),
        minimiser=LOSSES,
    ),
    "kernel": Kernel(
        depth=4,
        width=8,
        replicas=8,
        device="cpu",
        init=IidLaw(sigma_w=0.5),
        data=CirclesData(train_size=20, test_size=10),
        kernel=KernelKeys(
            inputs=2,
            networks=2,
            trained_depth=2,
            points=6,
            steps=3,
            deep_points=20,
            mini_batch=MiniBatchKeys(width=4, epochs=1, batch_size=10, networks=2),
        ),
    ),
    "flow": Flow(
        depth=4,
        replicas=3,
        device="cpu",
        block=TwoBlock(hidden=2),
        data=SpiralsData(train_size=20, test_size=10),
        train=Train(epochs=1, batch_size=10, optimizer="adam", lr=0.015, schedule="cosine", replicas=2),
        flow=FlowKeys(
            inputs=2,
            paths=2,
            points=6,
            trained_depth=4,
            images=ImageKeys(units=[1], channels=2, points=20, epochs=1, batch_size=10, replicas=1),
        ),
    ),
}
"""Jobs of a second or so."""
LASTING = {"seed", "threads", "train.epochs", "train.memory", "train.checkpoint_seconds", "minimiser.iterations"}
"""Keys whose upper end asks for time alone, or changes nothing."""
TINIEST = 1e-300
"""What stands for the open end `above=0`."""


@dataclass(frozen=True)
class Case:
    """A job: the settings, and in words what is at its end."""

    name: str
    settings: Settings
    points: str = ""


def with_keys(settings: Any, values: Mapping[str, Any]) -> Any:
    """The settings with other values of dotted keys."""
    for name, value in values.items():
        first, _, rest = name.partition(".")
        settings = replace(settings, **{first: with_keys(getattr(settings, first), {rest: value}) if rest else value})
    return settings


def ends(entry: Entry) -> list[Any]:
    """The values at the ends of a key's range; of a size the lower one."""
    rule, kind = entry.field.metadata, entry.type
    kinds = [k for k in typing.get_args(kind) if k is not type(None)] or [kind]
    if not isinstance(entry.value, int | float | type(None)) or isinstance(entry.value, bool):
        return []
    if kinds[0] not in (int, float):
        return []
    ends = [rule["low"], rule["high"] if kinds[0] is float else None]
    if rule["above"] is not None:
        ends.append(rule["above"] + TINIEST if rule["above"] == 0 else math.nextafter(rule["above"], math.inf))
    if rule["below"] is not None:
        ends.append(math.nextafter(rule["below"], -math.inf))
    return [kinds[0](value) for value in dict.fromkeys(ends) if value is not None]


def variants(settings: Settings) -> Iterator[Case]:
    """The settings with each choice of each group and word in turn, as they are first."""
    yield Case("", settings)
    for entry in describe(settings):
        if entry.key in ("claims", "figure", "preset", "device", "study", "cluster", "sinks", "outputs"):
            continue
        for choice in entry.field.metadata["choices"]:
            if choice != entry.value and "." not in entry.key and entry.key in settings.__dict__:
                if entry.key not in groups():
                    yield Case(f"{entry.key}={choice}", with_keys(settings, {entry.key: choice}))
            elif choice != entry.value:
                yield Case(f"{entry.key}={choice}", with_keys(settings, {entry.key: choice}))
    for group in ("init", "block", "data"):
        now = getattr(settings, group, None)
        for name, option in options_of(group).items():
            if now is None or name == now.name or name in ("mnist", "fashion_mnist", "cifar10", "image_folder"):
                continue
            sizes = {"train_size": 20, "test_size": 10} if group == "data" else {}
            yield Case(f"{group}={name}", replace(settings, **{group: option(**sizes)}))


def at_the_ends(settings: Settings) -> Iterator[Case]:
    """Every variant, and every number of every variant at each end of its range."""
    seen: set[str] = set()
    for variant in variants(settings):
        yield variant
        for entry in describe(variant.settings):
            if entry.key.startswith("cluster") or entry.key in LASTING or f"{entry.key}" in seen:
                continue
            seen.add(entry.key)
            for value in ends(entry):
                with contextlib.suppress(SettingError):
                    changed = with_keys(variant.settings, {entry.key: value})
                    yield Case(" ".join(filter(None, (variant.name, f"{entry.key}={value!r}"))), changed)


BOTH_ZERO = {"init.sigma_w": 0.0, "init.sigma_b": 0.0}
TOGETHER: dict[str, list[dict[str, Any]]] = {
    "ode": [
        BOTH_ZERO,
        {"horizon": 1e-8},
        {"width": 1, "depth": 1, "ode.inputs": 1, "ode.paths": 1, "replicas": 1},
        {"block": TwoBlock(hidden=1), "width": 1},
        {"init": ZeroLaw(), "block": TwoBlock(hidden=1)},
    ],
    "sde": [
        BOTH_ZERO,
        {"horizon": 1e-8},
        {"width": 1, "sde.inputs": 1},
        {"width": 1, "sde.inputs": 1, "init.sigma_b": 0.0},
        {"width": 1, "sde.correlation": 1.0},
        {"width": 1, "sde.correlation": -1.0},
        {"width": 1, "sde.inputs": 1, **BOTH_ZERO},
        {"width": 2, "sde.inputs": 4, "sde.correlation": 1.0},
        {"width": 1, "sde.inputs": 1, "depth": 1, "replicas": 2},
        {"sde.inputs": 1, "data": MoonsData(train_size=20, test_size=10)},
        *(
            {"init": replace(MatrixNormalLaw(), **keywords), "claims": ["sde.strong", "sde.matrix_normal"]}
            for keywords in (
                {},
                *({name: sign * math.nextafter(1, 0)} for name in ("rows", "columns") for sign in (1, -1)),
                *({name: sign * 100.0} for name in ("mean_w", "mean_b") for sign in (1, -1)),
                {"sigma_w": 0.0, "sigma_b": 0.0},
                {"sigma_w": 0.0, "sigma_b": 0.0, "mean_w": 1.0},
            )
        ),
    ],
    "kernel": [
        BOTH_ZERO,
        {"horizon": 1e-8},
        {"data.train_size": 2, "kernel.inputs": 2, "kernel.points": 2, "kernel.ridge": 0.0},
        {"kernel.ridge": 1e-14},
        {"activation": "swish", "kernel.ridge": 1e-300},
        {"activation": "swish", "kernel.ridge": 0.0},
        {"init.sigma_w": 0.0, "kernel.ridge": 1e-14},
    ],
    "hamiltonian": [
        {"hamiltonian.readout": "ridge", "hamiltonian.ridge": 1e-14},
        {"hamiltonian.readout": "ridge", "hamiltonian.ridge": 1e-300},
        {"hamiltonian.readout": "linear", "hamiltonian.ridge": 1e-14},
        {"hamiltonian.readout": "linear", "hamiltonian.ridge": 1e-300, "hamiltonian.loss": "logistic"},
        {"hamiltonian.kernel": "gaussian", "hamiltonian.length": 1e3},
        {"hamiltonian.kernel": "gaussian", "hamiltonian.length": 1e-3},
        {"width": 1, "hamiltonian.points": 2, "depth": 1},
    ],
    "exponents": [
        {"init.sigma_w": 0.0},
        BOTH_ZERO,
        {"horizon": 1e-8},
        {"scaling.beta": [0.0, 4.0]},
        {"width": 1, "block": TwoBlock(hidden=1), "exponents.inputs": 1, "depth": 1, "replicas": 2},
        {"init": ZeroLaw()},
    ],
    "gamma": [
        {"gamma.alpha": 1e-14},
        {"gamma.points": 3, "gamma.train_points": 2, "width": 1, "depth": 2},
        {"gamma.tau": 1e-14},
    ],
    "flow": [
        BOTH_ZERO,
        {"horizon": 1e-8},
        {"width": 1, "block": TwoBlock(hidden=1), "depth": 1},
        {"init": ZeroLaw()},
    ],
}
"""What is degenerate with several keys at once."""
PLANTED: dict[str, Callable[[Tensor], Tensor]] = {
    "a point at the origin": lambda x: x[0].zero_(),
    "all points at the origin": lambda x: x.zero_(),
    "equal points": lambda x: x[1].copy_(x[0]),
    "opposite points": lambda x: x[1].copy_(-x[0]),
    "all points equal": lambda x: x.copy_(x[:1].expand_as(x)),
}
"""What training points may be."""


def together(settings: Settings) -> Iterator[Case]:
    """Degenerate settings of several keys, and degenerate training points."""
    for values in TOGETHER[settings.study]:
        yield Case(" ".join(f"{name}={value}" for name, value in values.items()), with_keys(settings, values))
    of_points = replace(settings, data=MoonsData(train_size=20, test_size=10))
    for words in PLANTED:
        yield Case(words, of_points, words)


@contextlib.contextmanager
def planted(words: str) -> Iterator[None]:
    """Training points of every data set as the words say."""
    if not words:
        yield
        return
    real = loading.load

    def load(*arguments: Any, **options: Any) -> Dataset:
        loaded = real(*arguments, **options)
        points = loaded.x_train.clone()
        PLANTED[words](points)
        return replace(loaded, x_train=points)

    with pytest.MonkeyPatch.context() as patch:
        plant(patch, real, load)
        yield


@dataclass
class Outcome:
    """What became of a case: what must not be, in words; and the verdicts."""

    faults: list[str]
    refused: str | None = None
    verdicts: int = 0


def tried(case: Case, depths: tuple[int, ...] = (4,), parts: typing.Container[str] | None = None) -> Outcome:
    """Measure each part of the case's study and judge its claims. Errors in words are an answer; nothing else is."""
    study, outcome = studies.get(case.settings.study), Outcome([])
    try:
        check_values(case.settings)
        study.check(case.settings)
    except ReslimError as error:
        return Outcome([], f"{error}")
    with planted(case.points):
        for part in [group.name for group in study.needed(case.settings)]:
            if parts is None or part in parts:
                _part(study, part, case.settings, depths, outcome)
    return outcome


def _part(study: studies.Study, part: str, settings: Settings, depths: tuple[int, ...], outcome: Outcome) -> None:
    frames, shared = [], InMemory()
    with warnings.catch_warnings(record=True) as said, written() as text:
        warnings.simplefilter("always")
        try:
            for depth in sorted({settings.depth, *depths} if settings.depth not in depths else depths):
                part_settings = replace(settings, depth=depth, claims=[*study.parts[part]])
                frames.append(
                    table(part_settings, study.measure(Job(part_settings, shared)).records, job=job_name(part_settings))
                )
        except ReslimError as error:
            outcome.refused = f"{part}: {error}"
        except Exception as error:
            outcome.faults.append(
                f"{part}: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''} {_where(error)}"
            )
        frames = [f for f in frames if len(f)] or frames
        if frames:
            frame = pd.concat(frames, ignore_index=True)
            for claim in study.claims:
                if claim.id in study.parts[part]:
                    try:
                        _judged(claim, settings, frame, outcome)
                    except Exception as error:
                        outcome.faults.append(f"{claim.id}: judged: {type(error).__name__}: {error} {_where(error)}")
    for warning in {
        f"{w.category.__name__}: {str(w.message).splitlines()[0]} ({os.path.basename(w.filename)}:{w.lineno})"
        for w in said
        if not issubclass(w.category, DeprecationWarning)
    }:
        outcome.faults.append(f"{part}: warns: {warning}")
    if text:
        outcome.faults.append(f"{part}: writes: {text[0][:200]}")


def judged(settings: Any, claim_id: str, depths: tuple[int, ...] = (4,)) -> Judgement:
    """The verdict on one claim, as the study measures its part at these depths."""
    study, shared = studies.get(settings.study), InMemory()
    jobs = [replace(settings, depth=depth, claims=[claim_id]) for depth in depths]
    frames = [
        table(job_settings, study.measure(Job(job_settings, shared)).records, job=job_name(job_settings))
        for job_settings in jobs
    ]
    (claim,) = [claim for claim in study.claims if claim.id == claim_id]
    return judge(claim, settings, pd.concat(frames, ignore_index=True), {})


def _judged(claim: Any, settings: Settings, frame: pd.DataFrame, outcome: Outcome) -> None:
    judgement = judge(claim, settings, frame, {})
    outcome.verdicts += 1
    if judgement.verdict == "inconclusive":
        if not judgement.why:
            outcome.faults.append(f"{claim.id}: inconclusive without a reason")
        return
    numbers = judgement.measured and (judgement.measured.value, judgement.measured.low, judgement.measured.high)
    if numbers is None or not all(map(math.isfinite, (*numbers, judgement.expected_value))):
        outcome.faults.append(f"{claim.id}: {judgement.verdict} with {numbers}, expected {judgement.expected_value}")


def _where(error: BaseException) -> str:
    place, trace = "", error.__traceback__
    while trace:
        name = trace.tb_frame.f_code.co_filename
        if "resnet_limits" in name:
            place = f"[{name.split('resnet_limits/')[-1]}:{trace.tb_lineno}]"
        trace = trace.tb_next
    return place


@contextlib.contextmanager
def written() -> Iterator[list[str]]:
    """What is written to the process's stderr meanwhile, once it is over."""
    text: list[str] = []
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield text
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            if said := file.read().decode(errors="replace").strip():
                text.append(said)
