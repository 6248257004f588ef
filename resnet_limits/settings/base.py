"""The keys that every study has."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Optional

from ..errors import SettingError, one_of
from .clusters.cluster import Cluster
from .clusters.workstation import WorkstationCluster
from .keys import WithKeys, key
from .registry import ENGINES, FIGURES, SINKS, Option, Registry, kinds


@dataclass
class Settings(WithKeys):
    """The keys that every study has."""

    study: str
    depth: int = key(64, "number of residual blocks L", low=1, high=10**6)
    width: int = key(16, "dimension D of the state", low=1, high=65536)
    horizon: float = key(1.0, "final time T; a block is a step of T/L", above=0, high=1000)
    replicas: int = key(256, "independent repetitions inside a job", low=1, high=10**6)
    seed: int = key(0, "every random number is a function of it", low=0, high=2**63 - 1)
    dtype: str = key("float64", "floating-point format", choices=("float32", "float64"))
    claims: Optional[list[str]] = key(
        None,
        "judge and measure only these: an id is that claim alone, any other beginning of ids all that begin so, ID.* a"
        " claim and all below it; null: all",
    )
    preset: str = key("full", "size of the study", choices=("full", "smoke"))
    figure: Optional[str] = key(
        None, "a figure of a paper: sets study, keys and what is drawn", choices=FIGURES, content=False
    )
    device: str = key(
        "auto",
        "auto, cpu, cuda or cuda:N",
        pattern=r"auto|cpu|cuda(:\d+)?",
        form="auto, cpu, cuda or cuda:N",
        content=False,
    )
    engine: str = key(
        "auto",
        "how networks are computed; auto: layers in C where they have a compiled form, all else in torch",
        choices=ENGINES,
        content=False,
    )
    threads: int = key(1, "CPU threads a job", low=1, high=1024, content=False)
    jobs: Optional[int] = key(
        None,
        "jobs side by side; null: as many as cores / threads and free memory allow, on GPUs one each",
        low=1,
        high=1024,
        content=False,
    )
    cluster: Cluster = key(WorkstationCluster, "where jobs run")
    sinks: Optional[list[str]] = key(
        None,
        "programs that show numbers while jobs run, such as [tensorboard]; null: none",
        choices=SINKS,
        content=False,
    )
    parts: Optional[str] = key(
        None,
        "files of your own that the job is made with, NAME-DIGEST each, found at planning; given: others are refused",
        pattern=r"\w+-[0-9a-f]{10}(\+\w+-[0-9a-f]{10})*",
        form="NAME-DIGEST, or several with + between them",
        sparse=True,
    )
    outputs: Optional[str] = key(None, "where runs live; null: $RESLIM_OUTPUTS, else ./outputs", content=False)

    def __post_init__(self) -> None:
        """Take `init="tied"` for the option of this name, with its defaults, `data="my.npz"` for what lies there, and
        `activation="silu"` for swish."""
        super().__post_init__()
        for name, kind in kinds(type(self)).items():
            if isinstance(value := getattr(self, name), str):
                setattr(self, name, _option(name, kind, value))
        for of_key in fields(self):
            choices, value = of_key.metadata["choices"], getattr(self, of_key.name)
            if isinstance(choices, Registry) and isinstance(value, str):
                setattr(self, of_key.name, choices.meant(value))


def _option(key: str, kind: type[Option], word: str) -> Option:
    """The option of this name, or what takes what lies at this path. Raises `SettingError`."""
    if word in kind.options:
        return kind.options[word]()
    if not kind.is_path(word):
        raise SettingError(f"{key}: unknown option {one_of(word, kind.options)}")
    keys = kind.at(word)
    return kind.options[keys[key]](**{name.removeprefix(f"{key}."): keys[name] for name in keys if name != key})
