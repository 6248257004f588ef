"""`reslim data`: the data sets, whether they are present, and fetching one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.text import Text

from resnet_limits.data import image_folder
from resnet_limits.data.availability import Availability
from resnet_limits.data.published import Published
from resnet_limits.data.root import data_root
from resnet_limits.data.sources.source import Data
from resnet_limits.errors import MissingData, SettingError, one_of
from resnet_limits.printable import printable

from .columns import Column, Columns
from .display import Terminal, print_json
from .printable import say


def data(name: str | None, *, root: str | None, json_out: bool) -> None:
    """List the data sets, or see to it that one is there: fetch it where it is not."""
    place = data_root(root)
    if name is not None and name not in Data.options and Data.is_path(name):
        _show_what_lies_at(name, json_out)
        return
    if name is not None and name not in Data.options:
        raise SettingError(f"data: unknown data set {one_of(name, Data.options)}")
    if name is None:
        every = [kind.availability(place) for _, kind in Data.options.sound(say)]
        print_json({"root": str(place), "data": [_document(f) for f in every]}) if json_out else _list(every, place)
        return
    data_set = _seen_to(name, place)
    if json_out:
        print_json({"root": str(place), **_document(data_set)})
    else:
        size = f", {_megabytes(data_set.bytes)}" if data_set.bytes else ""
        print(printable("\n".join([f"{data_set.name}: {data_set.where}{size}", *_classes(data_set)])))
        for problem in data_set.problems:
            say(problem)


def _show_what_lies_at(path: str, json_out: bool) -> None:
    """What a request that names this path would take."""
    keys = Data.at(path)
    values = {key.removeprefix("data."): value for key, value in keys.items() if key != "data"}
    data_set: Data = Data.options[keys["data"]](**values)
    notes = data_set.notes()
    if json_out:
        print_json({"name": data_set.name, "present": True, "where": data_set.place(), "keys": keys, "notes": notes})
    else:
        print(printable("\n".join(notes)))


def _seen_to(name: str, root: Path) -> Availability:
    kind: type[Data] = Data.options[name]
    data_set = kind.availability(root, thoroughly=True)
    if data_set.present:
        return data_set
    if not issubclass(kind, Published):
        raise MissingData(f"{data_set.problems[0]}\n{data_set.advice}")
    for problem in data_set.problems if any("missing" not in p for p in data_set.problems) else ():
        say(problem)
    kind.fetch(root)
    return kind.availability(root)


def _summary(data_set: Availability) -> list[str]:
    """A line a folder of images, or a file of points."""
    if data_set.files is not None:
        return [f"data.file={name}: {words}" for name, words in data_set.files]
    lines = [f"data.folder={name}: {listing.in_words()}" for name, listing in data_set.folders or ()]
    others = [len(listing.left_out) for _, listing in data_set.folders or ()]
    return [line + (f"; {n} other files are not read" if n else "") for line, n in zip(lines, others, strict=True)]


def _classes(data_set: Availability) -> list[str]:
    """The folders of images with the images of each class, and with what is not read; the files of points."""
    lines = _summary(data_set) if data_set.files is not None else []
    for name, listing in data_set.folders or ():
        lines.append(f"data.folder={name}: {listing.in_words()}")
        lines += [f"  {label}: {train} + {test}" for label, (train, test) in listing.counts().items()]
        lines += [f"  {words}; {image_folder.WORDS_OF_SUFFIXES}" for words in [listing.left_out_in_words()] if words]
    return lines


def _document(data_set: Availability) -> dict[str, Any]:
    folders = [_folder(name, listing) for name, listing in data_set.folders or ()]
    return {
        "name": data_set.name,
        "meaning": Data.options[data_set.name].__dataclass_fields__["name"].metadata["meaning"],
        "source": data_set.source,
        "present": data_set.present,
        "where": data_set.where,
        "bytes": data_set.bytes,
        "problems": list(data_set.problems),
        "advice": data_set.advice,
        **({"folders": folders} if data_set.folders is not None else {}),
        **({"files": [name for name, _ in data_set.files]} if data_set.files is not None else {}),
    }


def _folder(name: str, listing: image_folder.Listing) -> dict[str, Any]:
    classes = [{"class": label, "train": train, "test": test} for label, (train, test) in listing.counts().items()]
    return {"folder": name, "classes": classes, "not_read": list(listing.left_out)}


def _list(every: list[Availability], root: Path) -> None:
    console = Terminal()
    table = Columns(Column("data"), Column("there"), Column(wraps=True))
    for f in every:
        mark = Text("yes", style="green") if f.present else Text("no", style="yellow")
        lines = [Data.options[f.name].__dataclass_fields__["name"].metadata["meaning"], *_summary(f), *f.problems]
        if f.source == "files" and f.present and not f.folders and not f.files:
            lines.insert(1, f.where + (f", {_megabytes(f.bytes)}" if f.bytes else ""))
        if f.problems and f.bytes == 0:
            lines[1:] = [f"no file of it under {root}"]
        table.row(f.name, mark, "\n".join(lines + ([f.advice] if f.advice else [])))
    console.print(table)
    console.print(
        "looked under data.root=..., else $RESLIM_DATA, else the user cache folder:", Text(str(root)), sep="\n"
    )


def _megabytes(size: int | None) -> str:
    return f"{(size or 0) / 1e6:.1f} MB"
