"""`reslim report`: page, figures, LaTeX tables and BibTeX of one or several runs of a study."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from resnet_limits.errors import OutputError, RequestError, RunFolderError
from resnet_limits.printable import printable
from resnet_limits.runs.enclosed import first_odd
from resnet_limits.runs.files import place
from resnet_limits.runs.folder import Run, outputs_root
from resnet_limits.runs.merge import merge, other_data


def report(names: Sequence[str], *, out: str | None, json_out: bool) -> None:
    """Merge the runs and write their report: into the run's own folder, or into `out`."""
    root = outputs_root(None)
    runs = [Run.find(root, name) for name in names]
    if odd := next((odd for run in runs if (odd := first_odd(run.path))), ""):
        raise RunFolderError(odd)
    merged = merge(runs)
    first, *others = merged.runs
    if out is None and others:
        raise RequestError(f"{len(merged.runs)} runs have no folder in common; say where with --out FOLDER")

    from resnet_limits.runs.collect import collect, write

    from .display import Terminal, print_json, show_summary

    if out is None:
        folder, summary = first.path, collect(first)
    else:
        folder = _made(place(out))
        summary = write(folder, merged)
    if words := other_data(merged):
        print(printable(f"reslim: {words}"), file=sys.stderr)
    for name, why in merged.left_out.items():
        print(printable(f"reslim: {name} is not counted: {why}"), file=sys.stderr)
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
    show_summary(summary, console)
    console.print(f"report: {folder / 'report.html'}", highlight=False, markup=False, soft_wrap=True)


def _made(folder: Path) -> Path:
    """The folder, made where it is missing, and proved to take files."""
    try:
        (folder / "figures").mkdir(parents=True, exist_ok=True)
        probe = folder / ".reslim"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OutputError(f"cannot write to {folder}: {error.strerror}; choose another folder with --out") from None
    return folder


def _written(folder: Path) -> list[Path]:
    from resnet_limits.report.write import FILES

    beside = [folder / name for name in ("records.csv", "summary.json", *FILES)]
    return [path for path in (*beside, *(folder / "figures").iterdir()) if path.is_file()]
