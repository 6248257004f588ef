"""What a part of a study takes in fact, in a process of its own: `python -m tests.studies.rooms NUMBER`.

peak of the resident memory while the part measures, less what the process held after a tiny job of the same part
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from resnet_limits.data.sources.circles import CirclesData
from resnet_limits.data.sources.digits import DigitsData
from resnet_limits.data.sources.moons import MoonsData
from resnet_limits.measurement.job import Job
from resnet_limits.networks.blocks.two import TwoBlock
from resnet_limits.paths.laws.tied import TiedLaw
from resnet_limits.settings.base import Settings
from resnet_limits.settings.training import Minimiser, Train
from resnet_limits.studies import study as studies
from resnet_limits.studies.flow.settings import Flow, FlowKeys, ImageKeys
from resnet_limits.studies.gamma.settings import Gamma
from resnet_limits.studies.hamiltonian.settings import Hamiltonian, HamiltonianKeys
from resnet_limits.studies.kernel.settings import Kernel, KernelKeys
from resnet_limits.studies.ode.settings import Ode, OdeKeys
from resnet_limits.studies.sde.settings import Sde, SdeKeys
from tests.studies.extremes import TINY

FEW = Minimiser(iterations=1)
POINTS = MoonsData(train_size=20, test_size=10)
TWO_PATHS = FlowKeys(inputs=2, paths=2, points=4)
LARGE: list[tuple[str, Settings]] = [
    ("averaged", Ode(depth=16, width=128, replicas=32, ode=OdeKeys(inputs=2))),
    ("strong", Sde(depth=2, width=600, replicas=32, sde=SdeKeys(inputs=60), claims=["sde.strong"])),
    ("forward", Ode(depth=64, width=256, ode=OdeKeys(inputs=2, paths=4))),
    ("accuracy", Kernel(depth=2, width=8, replicas=2, data=CirclesData(train_size=6000, test_size=10))),
    ("real", Gamma(depth=40, width=300, data=POINTS, minimiser=FEW)),
    ("weak", Sde(depth=1, width=2, replicas=10**6)),
    ("law", Sde(depth=1, width=64, replicas=4000)),
    ("backward", Sde(depth=2000, width=256, replicas=32)),
    ("deep", Sde(depth=1, width=600, replicas=32, sde=SdeKeys(inputs=60))),
    ("prenorm", Sde(depth=1, width=128, replicas=2**14, sde=SdeKeys(inputs=4))),
    ("convolutional", Sde(depth=1, replicas=2**17, sde=SdeKeys(inputs=4))),
    ("correlation", Sde(depth=1, width=20_000, replicas=32)),
    ("functions", Sde(depth=1, width=20_000, replicas=32)),
    ("gradient", Ode(depth=32, width=256, ode=OdeKeys(inputs=2, paths=2))),
    ("gradient", Ode(depth=64, width=256, init=TiedLaw(), ode=OdeKeys(inputs=2, paths=2))),
    ("reversed", Ode(depth=32, width=256, ode=OdeKeys(inputs=2, paths=2))),
    ("trained", Ode(depth=32, width=128, data=POINTS, train=Train(epochs=1, batch_size=10, replicas=4))),
    (
        "random_start",
        Ode(depth=128, data=POINTS, train=Train(epochs=1, batch_size=10), ode=OdeKeys(inputs=2, draws=200)),
    ),
    ("entries", Kernel(depth=2, width=2048, replicas=2, kernel=KernelKeys(inputs=2, networks=2, trained_depth=2))),
    (
        "inference",
        Kernel(
            depth=2,
            width=2048,
            replicas=2,
            data=POINTS,
            kernel=KernelKeys(inputs=2, networks=2, trained_depth=2, points=6, steps=2),
        ),
    ),
    ("diagram", Kernel(depth=1, width=20_000, replicas=32, data=POINTS)),
    (
        "trained",
        Hamiltonian(depth=100, data=MoonsData(), hamiltonian=HamiltonianKeys(points=500, steps=8), minimiser=FEW),
    ),
    ("maps", Flow(depth=64, width=256, block=TwoBlock(hidden=256), data=POINTS, flow=TWO_PATHS)),
    ("inverse", Flow(depth=64, width=256, block=TwoBlock(hidden=256), data=POINTS, flow=TWO_PATHS)),
    ("symplectic", Flow(depth=200, data=MoonsData(), flow=FlowKeys(inputs=200, paths=8))),
    ("folding", Flow(depth=4, width=64, replicas=8, data=MoonsData(), flow=FlowKeys(points=500))),
    (
        "trained",
        Flow(
            depth=16,
            width=128,
            block=TwoBlock(hidden=128),
            data=POINTS,
            train=Train(epochs=1, batch_size=10, replicas=4, optimizer="adam"),
        ),
    ),
    (
        "images",
        Flow(
            depth=4,
            data=DigitsData(train_size=20, test_size=10),
            flow=FlowKeys(images=ImageKeys(units=[1], channels=128, points=20, epochs=1, batch_size=10, replicas=1)),
        ),
    ),
]
"""Parts and settings of some 5 to 200 MB; the first few stand for all in quick tests."""
QUICK = 2


def only(part: str, settings: Settings) -> Settings:
    return replace(settings, device="cpu", claims=list(studies.get(settings.study).parts[part]))


def peak() -> float:
    """Bytes that this process held at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def held() -> float:
    """Bytes that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def growth(number: int) -> float:
    """Bytes by which the peak grew, measured in a process of its own."""
    out = subprocess.run([sys.executable, "-m", "tests.studies.rooms", str(number)], capture_output=True, text=True)
    assert out.returncode == 0, out.stderr
    return json.loads(out.stdout)


if __name__ == "__main__":
    part, settings = LARGE[int(sys.argv[1])]
    study = studies.get(settings.study)
    study.measure(Job(only(part, replace(TINY[settings.study], depth=4))))
    before = held()
    study.measure(Job(only(part, settings)))
    print(json.dumps(peak() - before))
