"""`report.html`, `tables.tex` and `papers.bib` of some collected jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..figures.write import WrittenFigure
from ..files import write_text
from ..papers import bibliography
from ..runs import provenance
from ..runs.merge import Merged, other_data
from ..settings.registry import FIGURES
from .drawing import drawing
from .facts import resolved_settings, run_facts
from .joint import two_way_tables
from .latex import tables_tex
from .page import Contents, Picture, page

if TYPE_CHECKING:
    from ..runs.collection import Collection

FILES = ("report.html", "tables.tex", "papers.bib")


def write_report(
    folder: Path, collection: Collection, merged: Merged, summary: Mapping[str, Any], drawn: Sequence[WrittenFigure]
) -> None:
    """Write the report of these jobs beside their figures."""
    judged = [judgement.claim for judgement, _ in collection.judged]
    named = [FIGURES[name].source for name in (*collection.study.figures, *merged.named_figures())]
    papers = sorted({*(claim.source for claim in judged), *named}, key=lambda paper: (paper.year, paper.key))
    joint = two_way_tables(collection)
    contents = Contents(
        question=collection.study.question,
        title=collection.study.title,
        equation=collection.study.equation,
        summary=summary,
        runs=[run_facts(run) for run in merged.runs],
        settings=resolved_settings(merged.jobs),
        jobs=merged.jobs,
        repeated=merged.repeated,
        left_out=merged.left_out,
        other_data=other_data(merged),
        pictures=[
            Picture(
                figure.name,
                figure.shows,
                figure.kind,
                figure.caption,
                figure.setting,
                drawing(figure.path.with_name(f"{figure.name}.svg"), f"f{i}-", f"{figure.name}: {figure.caption}"),
            )
            for i, figure in enumerate(drawn)
        ],
        tables=joint,
        papers=papers,
        made=f"{provenance.now()} by reslim {provenance.version()}",
    )
    write_text(folder / "report.html", page(contents))
    write_text(folder / "tables.tex", tables_tex(summary, {claim.id: claim.source.key for claim in judged}, joint))
    write_text(folder / "papers.bib", bibliography(papers))
