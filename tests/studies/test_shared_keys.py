"""The key of a shared solution names all that the solution depends on: found out, not believed.

While a solution is computed each key of the settings that is read must be on its list (`recorded.py`). What is read
before, such as points that the computation finds in its closure, is met by a second run, in which every key that is not
on the list has another value: the solution must be the same bit for bit.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resnet_limits import studies
from resnet_limits.data.loading import forget
from resnet_limits.data.sources.digits import DigitsData
from resnet_limits.data.sources.moons import MoonsData
from resnet_limits.measurement.job import Job
from resnet_limits.paths.laws.smooth import SmoothLaw
from resnet_limits.settings.content import chosen_keys
from resnet_limits.settings.keys import describe
from resnet_limits.settings.training import Minimiser, Train
from resnet_limits.studies.flow.settings import Flow, FlowKeys, ImageKeys
from resnet_limits.studies.gamma.settings import Gamma, GammaKeys
from resnet_limits.studies.hamiltonian.settings import Hamiltonian, HamiltonianKeys
from resnet_limits.studies.kernel.settings import Kernel, KernelKeys
from resnet_limits.studies.ode.settings import Ode, OdeKeys
from resnet_limits.studies.sde.settings import Sde
from tests.studies.recorded import Enough, RecordedSolutions, Solved, another, differing, recorded

MOONS = MoonsData(train_size=30, test_size=20)
TRAIN = Train(epochs=1, batch_size=10, replicas=2)
ODE = Ode(depth=4, width=4, replicas=4, data=MOONS, train=TRAIN, ode=OdeKeys(inputs=3, paths=2, draws=3))
FLOW = Flow(
    depth=4,
    replicas=4,
    data=MOONS,
    train=TRAIN,
    flow=FlowKeys(
        inputs=3,
        paths=2,
        points=6,
        trained_depth=4,
        images=ImageKeys(units=[1], channels=4, points=20, epochs=1, batch_size=10, replicas=1),
    ),
)
SDE = Sde(depth=8, width=4, replicas=8)
GAMMA = Gamma(depth=4, width=2, data=MOONS, gamma=GammaKeys(dimension=1, points=4, starts=3, train_points=8))
HAMILTONIAN = Hamiltonian(
    depth=4, replicas=3, data=MOONS, hamiltonian=HamiltonianKeys(points=6, steps=16), minimiser=Minimiser(starts=1)
)
KERNEL = Kernel(
    depth=4,
    width=16,
    replicas=8,
    horizon=0.5,
    data=DigitsData(train_size=80, test_size=20),
    kernel=KernelKeys(inputs=2, networks=2, trained_depth=2, points=12, steps=4, deep_points=40),
)


SHOOTING = ("hamiltonian.integrator", "hamiltonian.steps")


@dataclass(frozen=True)
class Case:
    """A measurement, by `study/group`, and the solutions that it shares.

    through: keys that stand in the solution's key under another name, as far as they change it.
    """

    group: str
    settings: Any
    purposes: tuple[str, ...]
    through: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.group}: {', '.join(self.purposes)}"


CASES = [
    Case("ode/forward", ODE, ("flow", "flow.leading")),
    Case("ode/gradient", ODE, ("adjoint",)),
    Case("ode/averaged", ODE, ("averaged",)),
    Case("flow/maps", FLOW, ("flow.free", "flow.shared")),
    Case("flow/folding", FLOW, ("flow.folding",)),
    Case("flow/trained", FLOW, ("flow.folding.trained.none.shared",), ("depth", "flow.trained_depth")),
    Case("flow/energy", FLOW, ("flow.energy.none.shared",), ("depth", "flow.trained_depth")),
    Case("flow/images", FLOW, ("flow.images",), ("flow.images.units",)),
    Case(
        "sde/functions",
        SDE,
        ("sde.functions",),
        ("depth", "seed", "width", "horizon", "activation", "activation_inside", "init"),
    ),
    Case("sde/law", SDE, ("sde.law",), ("replicas",)),
    Case("gamma/limit", GAMMA, ("minimum", "starts", "lowest", "extremal"), ("depth", "minimiser")),
    Case("gamma/relu", GAMMA, ("relu", "relu.starts", "relu.limit"), ("depth",)),
    Case("hamiltonian/trained", HAMILTONIAN, ("trained", "trained.limit"), ("depth", "minimiser", *SHOOTING)),
    Case(
        "hamiltonian/composed",
        replace(HAMILTONIAN, depth=16),
        ("composed", "composed.limit", "composed.constant"),
        ("depth", "minimiser", "hamiltonian.blocks"),
    ),
    Case("hamiltonian/meanfield", HAMILTONIAN, ("meanfield.draws",), ("minimiser", "replicas")),
    Case("hamiltonian/epdiff", HAMILTONIAN, ("epdiff",), ("replicas",)),
    Case("hamiltonian/optimal", HAMILTONIAN, ("optimal",)),
    Case(
        "hamiltonian/rem",
        HAMILTONIAN,
        ("rem", "rem.padded", "rem.limit", "rem.identities"),
        ("depth", "minimiser", "data", *(f"hamiltonian.{name}" for name in vars(HAMILTONIAN.hamiltonian))),
    ),
    Case("hamiltonian/warped", HAMILTONIAN, ("warped",), ("minimiser", "replicas")),
    Case("hamiltonian/nugget", HAMILTONIAN, ("nugget.dropout",), ("replicas",)),
    Case("hamiltonian/landmarks", HAMILTONIAN, ("landmarks.limit",), ("seed", "depth", "minimiser", *SHOOTING)),
    Case("hamiltonian/exact", HAMILTONIAN, ("exact_point.gaps",), ("depth", "minimiser", *SHOOTING)),
    Case("kernel/moments", KERNEL, ("kernel.moments.constants",)),
    Case(
        "kernel/diagram",
        KERNEL,
        ("kernel.diagram.sde", "kernel.diagram.shallow", "kernel.diagram.commuting"),
    ),
    Case("kernel/expressivity", KERNEL, ("kernel.expressivity", "kernel.expressivity.deep")),
    Case("kernel/accuracy", KERNEL, ("kernel.accuracy",)),
    Case("kernel/entries", KERNEL, ("kernel.ntk-autograd",), ("depth", "kernel.trained_depth")),
    Case("kernel/entries", KERNEL, ("kernel.shallow.nngp", "kernel.shallow.ntk", "kernel.ntk.narrow")),
    Case(
        "kernel/inference",
        KERNEL,
        ("kernel.inference.kernel", "kernel.inference.trained", "kernel.inference.weak"),
        ("depth", "width", "kernel.trained_depth", "kernel.networks", "kernel.rate"),
    ),
]
NO_CONTENT = {
    entry.key for settings in (ODE, FLOW) for entry in describe(settings) if not entry.field.metadata["content"]
}


def solutions(case: Case, settings: Any) -> RecordedSolutions:
    """The solutions that a measurement asks for, each with what it reads."""
    study, group = case.group.split("/")
    measure = importlib.import_module(f"resnet_limits.studies.{study}.{group}.measure").measure
    read: set[str] = set()
    shared = RecordedSolutions(read, case.purposes)
    forget()  # or points would be there already, and their keys not be read
    with pytest.raises(Enough):
        measure(Job(recorded(settings, read), shared))
    return shared


FIRST: dict[str, RecordedSolutions] = {}


def as_it_is(case: Case) -> list[Solved]:
    """The solutions at the settings of a case; both tests look at them."""
    if str(case) not in FIRST:
        FIRST[str(case)] = solutions(case, case.settings)
    return [solution for solution in FIRST[str(case)].solved.values() if solution.purpose in case.purposes]


def unlisted(read: set[str], names: set[str]) -> set[str]:
    """The keys that were read, are content of a job, and are neither on the list nor in a group on it."""
    content = read - NO_CONTENT - {"data.root"}
    return {key for key in content if not any(key == name or key.startswith(f"{name}.") for name in names)}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_solution_reads_no_key_that_is_not_on_its_list(case):
    for solution in as_it_is(case):
        assert unlisted(solution.read, {*solution.key, *case.through}) == set(), solution.purpose


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_solution_is_the_same_whatever_the_keys_that_are_not_on_its_list(case):
    first = as_it_is(case)
    others = another(case.settings, {*case.through}.union(*(solution.key for solution in first)))
    assert differing(case.settings, others), "nothing was changed"
    second = solutions(case, others).solved
    for solution in first:
        assert solution.name in second, f"{solution.purpose} has another key"
        for array, values in solution.arrays.items():
            np.testing.assert_array_equal(values, second[solution.name].arrays[array], array)


def test_every_file_of_the_studies_that_shares_solutions_is_looked_at():
    seen = {solution.asked_in for case in CASES for solution in as_it_is(case)}
    files = [path for path in Path(studies.__path__[0]).rglob("*.py") if "shared.solve(" in path.read_text("utf-8")]
    assert {str(path) for path in files} <= seen


# -- what records -----------------------------------------------------------------------------------


def test_what_is_read_is_recorded_with_its_group_and_what_is_pinned_or_copied_is_not():
    read: set[str] = set()
    settings = recorded(Ode(init=SmoothLaw(correlation=2.0)), read)
    assert isinstance(settings, Ode)
    assert chosen_keys(settings, ("seed", "init")) == chosen_keys(
        Ode(init=SmoothLaw(correlation=2.0)), ("seed", "init")
    )
    assert read == set(), "names of jobs are bookkeeping"
    assert isinstance(settings.init, SmoothLaw)
    assert settings.init.correlation == 2.0
    assert read == {"init", "init.correlation"}
    read.clear()
    pinned = replace(settings, width=3, train=replace(settings.train, lr=0.1))
    assert read == set()
    assert (pinned.width, pinned.train.lr) == (3, 0.1)
    assert read == set()
    assert (pinned.depth, pinned.train.epochs) == (64, 3)
    assert replace(pinned, depth=5).width == 3
    assert read == {"depth", "train.epochs"}


def test_another_value_of_every_key_but_those_that_stay():
    others = another(ODE, {"init", "train.lr", "data"})
    same = {"study", "init", "init.sigma_w", "init.sigma_b", "init.correlation", "train.lr", "claims"}
    changed = differing(ODE, others)
    assert not changed & {*same, "data", "data.noise", "data.train_size"}
    assert {"depth", "width", "horizon", "dtype", "block", "activation", "ode.paths", "train.epochs"} <= changed
