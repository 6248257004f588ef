"""`reslim data`: the data sets, whether they are present, and fetching one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from resnet_limits.data import image_folder
from resnet_limits.data.found import Found
from resnet_limits.data.published import Published
from resnet_limits.data.root import data_root
from resnet_limits.data.sources.source import Data
from resnet_limits.errors import MissingData, SettingError, one_of
from resnet_limits.printable import printable

from .display import Terminal, print_json
from .printable import say


def data(name: str | None, *, root: str | None, json_out: bool) -> None:
    """List the data sets, or see to it that one is there: fetch it where it is not."""
    place = data_root(root)
    if name is not None and name not in Data.options:
        raise SettingError(f"data: unknown data set {one_of(name, Data.options)}")
    if name is None:
        its = [kind.found(place) for _, kind in Data.options.sound(say)]
        print_json({"root": str(place), "data": [_document(f) for f in its]}) if json_out else _list(its, place)
        return
    its = _seen_to(name, place)
    if json_out:
        print_json({"root": str(place), **_document(its)})
    else:
        size = f", {_megabytes(its.bytes)}" if its.bytes else ""
        print(printable("\n".join([f"{its.name}: {its.where}{size}", *_classes(its)])))
        for problem in its.problems:
            say(problem)


def _seen_to(name: str, root: Path) -> Found:
    kind: type[Data] = Data.options[name]
    its = kind.found(root, thoroughly=True)
    if its.present:
        return its
    if not issubclass(kind, Published):
        raise MissingData(f"{its.problems[0]}\n{its.advice}")
    for problem in its.problems if any("missing" not in p for p in its.problems) else ():
        say(problem)
    kind.fetch(root)
    return kind.found(root)


def _summary(its: Found) -> list[str]:
    """A line a folder of images."""
    lines = [f"data.folder={name}: {listing.in_words()}" for name, listing in its.folders or ()]
    others = [len(listing.left_out) for _, listing in its.folders or ()]
    return [line + (f"; {n} other files are not read" if n else "") for line, n in zip(lines, others, strict=True)]


def _classes(its: Found) -> list[str]:
    """The folders of images with the images of each class, and with what is not read."""
    lines = []
    for name, listing in its.folders or ():
        lines.append(f"data.folder={name}: {listing.in_words()}")
        lines += [f"  {label}: {train} + {test}" for label, (train, test) in listing.counts().items()]
        lines += [f"  {words}; {image_folder.READ}" for words in [listing.left_out_in_words()] if words]
    return lines


def _document(its: Found) -> dict[str, Any]:
    folders = [_folder(name, listing) for name, listing in its.folders or ()]
    return {
        "name": its.name,
        "meaning": Data.options[its.name].__dataclass_fields__["name"].metadata["meaning"],
        "source": its.source,
        "present": its.present,
        "where": its.where,
        "bytes": its.bytes,
        "problems": list(its.problems),
        "advice": its.advice,
        **({"folders": folders} if its.folders is not None else {}),
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
        if f.problems and f.bytes == 0:
            lines[1:] = [f"no file of it under {root}"]
        table.add_row(f.name, mark, escape("\n".join(lines + ([f.advice] if f.advice else []))))
    console.print(table)
    console.print("looked under data.root=..., else $RESLIM_DATA, else the user cache folder:", root, soft_wrap=True)


def _megabytes(size: int | None) -> str:
    return f"{(size or 0) / 1e6:.1f} MB"
