"""`reslim report`: page, figures, LaTeX tables and BibTeX of one or several runs of a study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from resnet_limits.errors import OutputError, RequestError, RunFolderError
from resnet_limits.files import beside, new_folder, place
from resnet_limits.runs.enclosed import first_odd
from resnet_limits.runs.folder import Run, outputs_root
from resnet_limits.runs.merge import Merged, merge, other_data

from .drawing import drawing
from .printable import say


def report(names: Sequence[str], *, out: str | None, json_out: bool, table: bool = False) -> None:
    """Merge the runs and write their report: into the run's own folder, or into `out`. `table`: the values by depth are
    shown, too."""
    root = outputs_root(None)
    runs = [Run.find(root, name) for name in names]
    if odd := next((odd for run in runs if (odd := first_odd(run.path))), ""):
        raise RunFolderError(odd)
    merged = merge(runs)
    first, *others = merged.runs
    if out is None and others:
        raise RequestError(f"{len(merged.runs)} runs have no folder in common; say where with --out FOLDER")

    from resnet_limits.report.outcome import next_step
    from resnet_limits.report.publish import collect

    from .display import Terminal, print_json, show_places, show_summary

    if out is None:
        with drawing() as progress:
            folder, summary = first.path, collect(first, progress=progress)
    else:
        folder = place(out)
        summary = _written_to(folder, merged)
    for run in merged.runs:
        for remark in run.remarks():
            say(f"{run.id}: {remark}")
    if words := other_data(merged):
        say(words)
    for name, why in merged.left_out.items():
        say(f"{name} is not counted: {why}")
    if json_out:
        print_json(
            {
                "schema": summary["schema"],
                "study": merged.study,
                "report": str(folder / "report.html"),
                "runs": [str(run.path) for run in merged.runs],
                "jobs": summary["jobs"],
                "repeated": merged.repeated,
                "left_out": merged.left_out,
                "files": sorted(str(path.relative_to(folder)) for path in _written(folder)),
                "summary": summary,
            }
        )
        return
    console = Terminal()
    show_summary(summary, console, table=table)
    show_places(folder, next_step(summary, [job.settings.seed for job in merged.jobs]), first, console)


def _written_to(folder: Path, merged: Merged) -> dict[str, Any]:
    """Write the report into a folder, and return the summary; a folder that was made for it is gone after any error."""
    from resnet_limits.report.publish import write_collection

    try:
        with new_folder(folder):
            probe = beside(folder / "reslim")  # figures come first, and take seconds
            probe.touch()
            probe.unlink()
            with drawing() as progress:
                return write_collection(folder, merged, pdf=True, progress=progress)
    except OSError as error:
        raise OutputError(f"cannot write to {folder}: {error.strerror}; choose another folder with --out") from None


def _written(folder: Path) -> list[Path]:
    from resnet_limits.report.write import FILES

    beside = [folder / name for name in ("records.csv", "summary.json", *FILES)]
    return [path for path in (*beside, *(folder / "figures").iterdir()) if path.is_file()]
