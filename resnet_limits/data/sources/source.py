"""What a data set is to a user: a name, and keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Optional

from ...settings.keys import key
from ...settings.registry import Option, Registry


@dataclass
class Data(Option):
    """A data set; points are standardised and embedded to `width`."""

    options: ClassVar[Registry] = Registry("data", "data.sources", base="source")
    name: str
    train_size: Optional[int] = key(None, "number of training points; null: all", low=1, high=10**7)
    test_size: Optional[int] = key(None, "number of test points; null: all that are left", low=1, high=10**7)
    digest: Optional[str] = key(
        None, "identity of the data, found at planning; given: data that differ are refused", pattern=r"[\w-]+"
    )


@dataclass
class Plane(Data):
    """Two classes of points in the plane."""

    train_size: Optional[int] = key(1000, "number of training points", low=1, high=10**7)
    test_size: Optional[int] = key(500, "number of test points", low=1, high=10**7)
    noise: float = key(0.1, "standard deviation of the noise added to each coordinate", low=0, high=10)


@dataclass
class Images(Data):
    """Images in files, with a test set of their own."""

    test_size: Optional[int] = key(None, "number of test points; null: all", low=1, high=10**7)
    root: Optional[str] = key(
        None, "folder of the data sets; null: $RESLIM_DATA, else the user cache folder", content=False
    )
