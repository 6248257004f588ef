"""What a collection holds: the finished jobs of one study with all that was made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ..claims.claim import Judgement
from ..studies.study import Study
from .job_folder import JobFolder


@dataclass(frozen=True)
class Collection:
    """The finished jobs of one study, compared and judged: the long table, and each claim with its points."""

    study: Study
    jobs: Sequence[JobFolder]
    swept: Sequence[str]
    records: pd.DataFrame
    judged: Sequence[tuple[Judgement, pd.DataFrame]]
