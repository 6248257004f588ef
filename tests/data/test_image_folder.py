"""Folders of images: which files are read, in which order, what is left out and said, and what is refused by name."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from resnet_limits.data.identity import require_data
from resnet_limits.data.image_folder import SUFFIXES, image_files, images, listing
from resnet_limits.data.loading import load
from resnet_limits.data.sources.digits import DigitsData
from resnet_limits.data.sources.image_folder import ImageFolderData
from resnet_limits.errors import DamagedData


def draw(path: Path, value: int, mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    form = {".jfif": "JPEG", ".jpe": "JPEG", ".dib": "BMP", ".pnm": "PPM", ".pbm": "PPM"}.get(path.suffix.lower())
    Image.new(mode, (6, 5), (value,) * len(mode) if len(mode) == 3 else value).save(path, form)


@pytest.fixture
def folder(tmp_path):
    """Two classes, two training images and one test image each; no two alike."""
    for k, name in enumerate(("cat", "dog")):
        for i, where in enumerate(("train/{}/a.png", "train/{}/b.png", "test/{}/a.png")):
            draw(tmp_path / "pets" / where.format(name), 10 + 50 * k + 5 * i)
    return tmp_path / "pets"


def ask(folder: Path, **options) -> ImageFolderData:
    return ImageFolderData(root=str(folder.parent), folder=folder.name, size=4, **options)


def values(folder: Path) -> list[tuple[int, int]]:
    """The brightness and the label of every training image, in the order of loading."""
    read = images(folder, size=4, grey=True)
    return [(int(x.flatten()[0]), int(y)) for x, y in zip(read.x_train, read.y_train, strict=True)]


def test_files_are_listed_in_the_order_of_loading_with_part_and_class(folder):
    assert [tuple(file) for file in image_files(folder)] == [
        ("train/cat/a.png", "train", "cat"),
        ("train/cat/b.png", "train", "cat"),
        ("train/dog/a.png", "train", "dog"),
        ("train/dog/b.png", "train", "dog"),
        ("test/cat/a.png", "test", "cat"),
        ("test/dog/a.png", "test", "dog"),
    ]
    assert values(folder) == [(10, 0), (15, 0), (60, 1), (65, 1)]


def test_the_order_does_not_depend_on_the_order_of_the_disk(folder, monkeypatch):
    before, scandir = image_files(folder), os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: reversed(list(scandir(path))))
    assert image_files(folder) == before


def test_images_below_the_folder_of_a_class_belong_to_the_class(folder):
    draw(folder / "train" / "cat" / "tabby" / "old" / "c.png", 200)
    draw(folder / "train" / "dog" / "a" / "z.jpg", 220)
    assert sorted(values(folder)) == [(10, 0), (15, 0), (60, 1), (65, 1), (200, 0), (220, 1)]
    assert listing(folder).counts() == {"cat": (3, 1), "dog": (3, 1)}


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".PNG", ".Jpeg", ".GIF"])
def test_every_suffix_that_is_said_to_be_read_is_read(folder, suffix):
    draw(folder / "train" / "cat" / f"c{suffix}", 255, "1" if suffix == ".pbm" else "RGB")
    assert (255, 0) in values(folder)
    assert listing(folder).left_out == ()


def test_what_is_not_read_is_counted_and_named_and_never_silent(folder):
    for i in range(80):
        (folder / "train" / "cat" / f"{i:02}.heic").write_bytes(b"photograph")
    for path in (
        "train/dog/Thumbs.db",
        "train/dog/notes.txt",
        "train/labels.csv",
        "test/dog/more/LICENSE",
        "train/x.png",
    ):
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(b"")
    listed = listing(folder)
    assert len(listed.left_out) == 85
    counts, warning = ask(folder).notes()
    assert counts.endswith(f"{folder} holds 4 training and 2 test images of 2 classes; cat 2 + 1, dog 2 + 1")
    assert "not read: 80 .heic, 1 without a suffix, 1 " in warning
    assert "; for example test/dog/more/LICENSE; " in warning
    assert warning.startswith("warning: ")
    assert ".gif" in warning


def test_every_file_is_read_or_left_out_unless_it_is_hidden(folder):
    random = np.random.default_rng(0)
    for i in range(60):
        where = "/".join(random.choice(["a", "b", "c.d"], random.integers(0, 3)))
        suffix = random.choice([".png", ".gif", ".txt", "", ".heic", ".tiff", ".png.bak"])
        path = folder / random.choice(["train", "test"]) / random.choice(["cat", "dog"]) / where / f"{i}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    listed = listing(folder)
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {file.path for file in listed.files} | {*listed.left_out} == there
    assert not {file.path for file in listed.files} & {*listed.left_out}


def test_hidden_files_are_not_mentioned(folder):
    for path in ("train/cat/.DS_Store", "train/cat/._a.png", "test/.cache/a.png", "train/dog/.thumbnails/b.png"):
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(b"")
    assert len(ask(folder).notes()) == 1
    assert len(image_files(folder)) == 6


def test_many_classes_are_counted_by_the_smallest_and_the_largest(folder):
    for k in range(40):
        for part, n in (("train", k + 1), ("test", 1)):
            for i in range(n):
                path = folder / part / f"class{k:02}" / f"{i}.png"
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(b"")
    (counts,) = ask(folder).notes()
    assert "824 training and 42 test images of 42 classes" in counts
    assert counts.endswith("the smallest and the largest class: class00 1 + 1, class39 40 + 1")


def test_other_data_have_nothing_to_say():
    assert DigitsData().notes() == []


@pytest.mark.parametrize("below", ["", "more/"])
def test_a_pipe_is_refused_and_not_opened(folder, below):
    path = folder / "test" / "cat" / f"{below}pipe.png"
    path.parent.mkdir(exist_ok=True)
    os.mkfifo(path)
    with pytest.raises(DamagedData, match=f"cannot read {path}: no file"):
        require_data(ask(folder))
    path.rename(path.with_suffix(".txt"))
    assert listing(folder).left_out == (f"test/cat/{below}pipe.txt",)


@pytest.mark.parametrize("target", ["nowhere.png", "link.png"])
def test_a_link_to_nothing_or_to_itself_is_refused(folder, target):
    path = folder / "train" / "dog" / "link.png"
    path.symlink_to(path.with_name(target))
    with pytest.raises(DamagedData, match=f"cannot read {path}: no file, or a link to nothing"):
        require_data(ask(folder))


def test_links_to_images_and_to_folders_of_images_are_followed(folder, tmp_path):
    draw(tmp_path / "elsewhere" / "c.png", 200)
    (folder / "train" / "cat" / "c.png").symlink_to(tmp_path / "elsewhere" / "c.png")
    (folder / "train" / "dog" / "more").symlink_to(tmp_path / "elsewhere")
    assert {(200, 0), (200, 1)} < {*values(folder)}


@pytest.mark.parametrize(
    ("link", "to"),
    [("train/cat/loop", "train/cat"), ("train/cat/up", "."), ("test/dog/again", "train/dog"), ("test/dog/m", "train")],
)
def test_a_folder_that_is_met_twice_is_refused(folder, link, to):
    (folder / link).symlink_to(folder / to)
    with pytest.raises(DamagedData, match=r"is the same folder as .*; remove the link"):
        require_data(ask(folder))


def test_test_images_that_are_the_training_images_are_refused(folder):
    import shutil

    shutil.rmtree(folder / "test")
    (folder / "test").symlink_to(folder / "train")
    with pytest.raises(DamagedData, match=r"/test/cat is the same folder as .*/train/cat"):
        require_data(ask(folder))


def test_a_folder_that_cannot_be_read_is_named(folder, monkeypatch):
    scandir = os.scandir

    def denied(path):
        if Path(path) == folder / "train" / "dog":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(DamagedData, match=f"cannot read {folder}/train/dog: Permission denied"):
        require_data(ask(folder))


def test_a_name_that_is_no_text_is_read(folder):
    path = os.fsencode(folder / "train" / "cat") + b"/\xff\xfe.png"
    os.rename(folder / "train" / "cat" / "b.png", path)
    assert sorted(values(folder)) == [(10, 0), (15, 0), (60, 1), (65, 1)]


def test_an_image_that_cannot_be_read_is_named_when_it_is_loaded(folder):
    (folder / "train" / "cat" / "sub").mkdir()
    path = folder / "train" / "cat" / "sub" / "c.png"
    path.write_bytes(b"hello")
    require_data(ask(folder))
    with pytest.raises(DamagedData, match=f"cannot read {path}: it is no image that we read"):
        load(ask(folder), seed=0)


def test_images_are_squeezed_to_a_square_after_they_were_set_upright_and_laid_on_white(folder):
    pixels = np.zeros((8, 4, 4), dtype=np.uint8)
    pixels[:4, :, 3] = 255  # opaque black above, nothing below
    path = folder / "train" / "cat" / "a.png"
    exif = Image.Exif()
    exif[274] = 6  # what is above is to be on the right
    Image.fromarray(pixels).save(path, exif=exif)
    x = images(folder, size=2, grey=True).x_train[0, 0]
    assert x[0].tolist() == x[1].tolist()
    assert x[0, 0] > 200
    assert x[0, 1] < 55
