"""`reslim data`: the data sets, whether they are present, and fetching one."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from resnet_limits.data import image_folder
from resnet_limits.data.files import FILES, look
from resnet_limits.data.root import data_root
from resnet_limits.data.sources.source import Data
from resnet_limits.errors import MissingData, RequestError, SettingError, one_of
from resnet_limits.printable import printable

from .display import Terminal, print_json


@dataclass(frozen=True)
class Found:
    """One data set: where it comes from, whether it is there, its size on disk, what is missing or damaged."""

    name: str
    source: str
    """`files`, or where there is nothing to fetch: `bundled`, `generated`."""
    present: bool
    where: str
    bytes: int | None
    problems: tuple[str, ...]
    advice: str
    folders: tuple[tuple[str, image_folder.Listing], ...] = ()
    """Of images of one's own: the name that `data.folder` gives, and what is in it."""


def data(name: str | None, *, root: str | None, json_out: bool) -> None:
    """List the data sets, or see to it that one is there: fetch it where it is not."""
    place = data_root(root)
    if name is not None and name not in Data.options:
        raise SettingError(f"data: unknown data set {one_of(name, Data.options)}")
    if name is None:
        its = [found(each, place) for each in Data.options]
        print_json({"root": str(place), "data": [_document(f) for f in its]}) if json_out else _list(its, place)
        return
    its = _seen_to(name, place)
    if json_out:
        print_json({"root": str(place), **_document(its)})
    else:
        size = f", {_megabytes(its.bytes)}" if its.bytes else ""
        print(printable("\n".join([f"{its.name}: {its.where}{size}", *_classes(its)])))
        for problem in its.problems:
            print(f"reslim: {printable(problem)}", file=sys.stderr)


def _seen_to(name: str, root: Path) -> Found:
    its = found(name, root, thoroughly=True)
    if its.present:
        return its
    if name == "image_folder":
        raise MissingData(f"{its.problems[0]}\n{its.advice}")
    for problem in its.problems if any("missing" not in p for p in its.problems) else ():
        print(f"reslim: {problem}", file=sys.stderr)
    from resnet_limits.data.vision import fetch

    fetch(name, root)
    return found(name, root)


def found(name: str, root: Path, *, thoroughly: bool = False) -> Found:
    """Look for a data set under a root; thoroughly: check the content of its files too."""
    if name == "image_folder":
        return _image_folders(root)
    if name not in FILES:
        source, where = ("bundled", "with scikit-learn") if name == "digits" else ("generated", "from the seed")
        return Found(name, source, True, f"{source} {where}", None, (), "")
    seen = look(name, root, thoroughly=thoroughly)
    problems = tuple(f"{s.path.relative_to(root)} is {s.problem}" for s in seen if s.problem)
    size = sum(s.size or 0 for s in seen)
    where = str(seen[0].path.parent)
    advice = f"reslim data {name} fetches it" if problems else ""
    return Found(name, "files", not problems, where, size, problems, advice)


def _image_folders(root: Path) -> Found:
    """The folders right under the root that hold train/ and test/; each is one that `data.folder` may name."""
    good, problems = [], []
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        if (folder / "train").is_dir() and (folder / "test").is_dir():
            try:
                good.append((folder.name, image_folder.listing(folder)))
            except RequestError as error:
                problems.append(str(error))
    if not good and not problems:
        problems.append(f"no folder under {root} holds train/ and test/")
    advice = "" if good else f"put a folder of your own there; {image_folder.LAYOUT}"
    return Found("image_folder", "files", bool(good), str(root), None, tuple(problems), advice, tuple(good))


def _summary(its: Found) -> list[str]:
    """A line a folder of images."""
    lines = [f"data.folder={name}: {listing.in_words()}" for name, listing in its.folders]
    others = [len(listing.left_out) for _, listing in its.folders]
    return [line + (f"; {n} other files are not read" if n else "") for line, n in zip(lines, others, strict=True)]


def _classes(its: Found) -> list[str]:
    """The folders of images with the images of each class, and with what is not read."""
    lines = []
    for name, listing in its.folders:
        lines.append(f"data.folder={name}: {listing.in_words()}")
        lines += [f"  {label}: {train} + {test}" for label, (train, test) in listing.counts().items()]
        lines += [f"  {words}; {image_folder.READ}" for words in [listing.left_out_in_words()] if words]
    return lines


def _document(its: Found) -> dict[str, Any]:
    folders = [_folder(name, listing) for name, listing in its.folders]
    return {
        "name": its.name,
        "meaning": Data.options[its.name].__dataclass_fields__["name"].metadata["meaning"],
        "source": its.source,
        "present": its.present,
        "where": its.where,
        "bytes": its.bytes,
        "problems": list(its.problems),
        "advice": its.advice,
        **({"folders": folders} if its.name == "image_folder" else {}),
    }


def _folder(name: str, listing: image_folder.Listing) -> dict[str, Any]:
    classes = [{"class": label, "train": train, "test": test} for label, (train, test) in listing.counts().items()]
    return {"folder": name, "classes": classes, "not_read": list(listing.left_out)}


def _list(its: list[Found], root: Path) -> None:
    console = Terminal()
    table = Table(header_style="bold", box=None, padding=(0, 1, 0, 0))
    table.add_column("data", no_wrap=True)
    table.add_column("there", no_wrap=True)
    table.add_column("", overflow="fold")
    for f in its:
        mark = "[green]yes[/green]" if f.present else "[yellow]no[/yellow]"
        lines = [Data.options[f.name].__dataclass_fields__["name"].metadata["meaning"], *_summary(f), *f.problems]
        if f.source == "files" and f.present and not f.folders:
            lines.insert(1, f.where + (f", {_megabytes(f.bytes)}" if f.bytes else ""))
        if f.name in FILES and len(f.problems) == len(FILES[f.name]):
            lines[1:] = [f"no file of it under {root}"]
        table.add_row(f.name, mark, escape("\n".join(lines + ([f.advice] if f.advice else []))))
    console.print(table)
    console.print("looked under data.root=..., else $RESLIM_DATA, else the user cache folder:", root, soft_wrap=True)


def _megabytes(size: int | None) -> str:
    return f"{(size or 0) / 1e6:.1f} MB"
