"""The study `toy`."""

from __future__ import annotations

from resnet_limits.studies.study import Study

from .euler import claims as euler
from .settings import Toy

STUDY = Study(
    name="toy",
    question="Do linear networks approach x' = w(t) x?",
    title="linear networks of width 1, and x' = w(t) x",
    equation="x_{k+1} = x_k + h w(t_k) x_k   ->   x' = w(t) x",
    settings=Toy,
    groups=(euler.GROUP,),
)
