"""What tells data from others of the same name: the digest, what it is computed from, and what is remembered of it."""

from __future__ import annotations

import dataclasses
import gzip
import os
import shutil
import time

import numpy as np
import pytest
from PIL import Image

from resnet_limits.data import hashes, identity, sketch
from resnet_limits.data.dataset import Dataset
from resnet_limits.data.loading import forget, load
from resnet_limits.data.sources import digits
from resnet_limits.data.sources.circles import CirclesData
from resnet_limits.data.sources.digits import DigitsData
from resnet_limits.data.sources.gaussian import GaussianData
from resnet_limits.data.sources.image_folder import ImageFolderData
from resnet_limits.data.sources.mnist import MnistData
from resnet_limits.data.sources.moons import MoonsData
from resnet_limits.data.sources.spirals import SpiralsData
from resnet_limits.errors import DamagedData, SettingError
from resnet_limits.measurement.job import InMemory
from resnet_limits.runs.shared import SharedFolder
from resnet_limits.settings.content import job_name
from resnet_limits.studies.ode.settings import Ode
from tests.data.published import mnist_arrays, publish, write_idx
from tests.planting import plant, resize


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache folder of its own, in which files count as settled at once."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    resize(monkeypatch, hashes, NANOSECONDS_TO_SETTLE=0)
    forget()
    return tmp_path / "cache" / "reslim" / "hashes"


def write_folder(root, *, seed=0, images=4, name="images"):
    stream = np.random.default_rng(seed)
    for part in ("train", "test"):
        for label in ("cat", "dog"):
            folder = root / name / part / label
            folder.mkdir(parents=True, exist_ok=True)
            for i in range(images):
                Image.fromarray(stream.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(folder / f"{i}.ppm")
    return ImageFolderData(root=str(root), folder=name, size=8)


def replace_behind_its_back(path):
    """Another content of the same size, under the same time of change."""
    before, content = path.stat(), bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)


# -- the digest -----------------------------------------------------------------------------------


def test_folders_of_one_name_under_two_roots_are_two_data_sets_and_a_copy_is_the_same(tmp_path):
    a, b = write_folder(tmp_path / "a", seed=0), write_folder(tmp_path / "b", seed=1)
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    first, second = identity.identity_of(a), identity.identity_of(b)
    assert first.digest != second.digest
    assert identity.identity_of(dataclasses.replace(a, root=str(tmp_path / "copy"))).digest == first.digest
    assert first.digest.startswith("image_folder-")
    assert first.document() == {
        **{"data": "image_folder", "folder": str(tmp_path / "a" / "images"), "files": 16},
        "bytes": sum(path.stat().st_size for path in (tmp_path / "a").rglob("*.ppm")),
    }


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: replace_behind_its_back(folder / "train" / "cat" / "1.ppm"),
        lambda folder: (folder / "train" / "cat" / "1.ppm").rename(folder / "train" / "cat" / "9.ppm"),
        lambda folder: (folder / "train" / "cat" / "1.ppm").rename(folder / "train" / "dog" / "9.ppm"),
        lambda folder: (folder / "test" / "cat" / "1.ppm").unlink(),
        lambda folder: shutil.copy(folder / "test" / "cat" / "1.ppm", folder / "train" / "cat" / "9.ppm"),
    ],
    ids=["content", "name", "label", "gone", "new"],
)
def test_a_folder_whose_files_change_is_another_data_set(tmp_path, change):
    data = write_folder(tmp_path)
    before = identity.identity_of(data).digest
    assert identity.identity_of(data).digest == before
    change(tmp_path / "images")
    assert identity.identity_of(data).digest != before


def test_files_that_are_not_loaded_do_not_count(tmp_path):
    data = write_folder(tmp_path)
    before = identity.identity_of(data).digest
    (tmp_path / "images" / "notes.txt").write_text("mine")
    (tmp_path / "images" / "train" / "cat" / ".hidden.ppm").write_bytes(b"")
    assert identity.identity_of(data).digest == before


def test_what_is_in_memory_is_not_taken_for_other_data(tmp_path):
    data = write_folder(tmp_path)
    before = load(data, seed=0)
    assert load(data, seed=0) is before
    shutil.rmtree(tmp_path / "images")
    write_folder(tmp_path, seed=1)
    assert not np.array_equal(load(data, seed=0).x_train.numpy(), before.x_train.numpy())


def test_generated_sets_are_told_by_the_version_of_their_generator(monkeypatch):
    before = {cls: identity.identity_of(cls()).digest for cls in (MoonsData, CirclesData, GaussianData)}
    assert before[MoonsData] == "moons-1"
    assert len(set(before.values())) == 3
    assert identity.identity_of(MoonsData(noise=0.3)).digest == "moons-1", "keys are content of the job already"
    monkeypatch.setattr(MoonsData, "version", 2)
    assert identity.identity_of(MoonsData()).digest == "moons-2"
    assert identity.identity_of(CirclesData()).digest == before[CirclesData]


def test_the_digits_of_the_file_are_those_that_scikit_learn_loads(monkeypatch, tmp_path):
    assert digits.bundled() == digits.as_bytes(*digits.loaded())
    data = DigitsData(digest=identity.identity_of(DigitsData()).digest)
    load(data, seed=0)
    forget()
    images, labels = digits.loaded()
    images = images.copy()
    images[7, 3] += 1
    plant(monkeypatch, digits.loaded, lambda: (images, labels))
    with pytest.raises(DamagedData, match=f"scikit-learn that is installed here are digits-.*, not {data.digest}"):
        load(data, seed=0)
    damaged = tmp_path / "digits.csv.gz"
    damaged.write_bytes(gzip.compress(b"1,2,x\n"))
    plant(monkeypatch, digits.file, lambda: damaged)
    with pytest.raises(DamagedData, match="install scikit-learn anew"):
        identity.identity_of(DigitsData())


def test_a_corrupt_file_of_the_right_size_is_found_at_planning(tmp_path, monkeypatch):
    folder = tmp_path / "MNIST" / "raw"
    write_idx(folder, mnist_arrays(20, 10))
    publish(monkeypatch, MnistData, tmp_path)
    data = MnistData(root=str(tmp_path))
    identity.require_data(data)
    replace_behind_its_back(folder / "train-images-idx3-ubyte")
    for _ in range(2):  # what is damaged is not remembered
        with pytest.raises(DamagedData, match=r"train-images-idx3-ubyte is corrupt: its MD5 sum"):
            identity.require_data(data)


# -- at planning ----------------------------------------------------------------------------------


def test_jobs_get_the_identity_of_their_data_and_with_it_names_of_their_own(tmp_path):
    a, b = write_folder(tmp_path / "a", seed=0), write_folder(tmp_path / "b", seed=1)
    one, other, gone = identity.filled([Ode(data=d) for d in (a, b, ImageFolderData(root="/nowhere"))])
    assert job_name(one) != job_name(other)
    assert one.data.digest == identity.identity_of(a).digest
    assert gone.data.digest is None, "whoever runs the job says what is missing"
    assert identity.filled([one]) == [one]
    assert identity.name_whatever_the_data(one) == identity.name_whatever_the_data(other)


def test_a_digest_that_is_given_is_asked_of_the_data(tmp_path):
    data = write_folder(tmp_path)
    digest = identity.identity_of(data).digest
    identity.require_data(dataclasses.replace(data, digest=digest))
    with pytest.raises(SettingError, match=rf"data.digest=image_folder-0000: .* are others, {digest}"):
        identity.require_data(dataclasses.replace(data, digest="image_folder-0000"))


# -- what is remembered ---------------------------------------------------------------------------


def read_files(data):
    hashed = identity.identity_of(data).hashes
    assert hashed is not None
    return {name for name in hashed.read}


def test_an_unchanged_folder_is_looked_at_and_not_read(tmp_path, cache):
    data = write_folder(tmp_path)
    assert len(read_files(data)) == 16
    assert read_files(data) == set()
    replace_behind_its_back(tmp_path / "images" / "train" / "cat" / "1.ppm")
    assert read_files(data) == {"train/cat/1.ppm"}
    assert len(list(cache.iterdir())) == 1, "no file that did not get its name"


def test_a_file_that_was_just_changed_is_not_remembered(tmp_path, monkeypatch, cache):
    data = write_folder(tmp_path)
    identity.identity_of(data)
    resize(monkeypatch, hashes, NANOSECONDS_TO_SETTLE=2_000_000_000)
    path = tmp_path / "images" / "test" / "dog" / "0.ppm"
    path.write_bytes(path.read_bytes() + b"more")
    assert read_files(data) == {"test/dog/0.ppm"}
    assert read_files(data) == {"test/dog/0.ppm"}, "it may be changed again within one tick of the file system's clock"
    monkeypatch.setattr(time, "time_ns", lambda now=time.time_ns: now() + 3_000_000_000)
    assert read_files(data) == {"test/dog/0.ppm"}
    assert read_files(data) == set()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"files": {"train/cat/1.ppm": [1]}}', b"\xff\x00", None])
def test_a_damaged_cache_or_none_costs_time_and_nothing_else(tmp_path, cache, content):
    data = write_folder(tmp_path)
    digest = identity.identity_of(data).digest
    (kept,) = cache.iterdir()
    if content is None:
        kept.unlink()
        cache.rmdir()
        cache.write_bytes(b"not a folder")
    else:
        kept.write_bytes(content)
    assert identity.identity_of(data).digest == digest


# -- what a job loads -----------------------------------------------------------------------------


def planned(data):
    return dataclasses.replace(data, digest=identity.identity_of(data).digest)


def test_files_that_were_swapped_after_planning_are_not_loaded_and_named(tmp_path):
    data = planned(write_folder(tmp_path))
    load(data, seed=0)
    forget()
    path = tmp_path / "images" / "train" / "dog" / "2.ppm"
    replace_behind_its_back(path)
    for _ in range(2):  # each job of the run says so
        with pytest.raises(DamagedData, match=rf"not those that the job was planned with .*: {path} has changed"):
            load(data, seed=0)


def test_files_that_change_while_they_are_loaded_are_noticed(tmp_path, monkeypatch):
    from resnet_limits.data import image_folder

    data, read = planned(write_folder(tmp_path)), image_folder.images
    path = tmp_path / "images" / "train" / "dog" / "2.ppm"

    def images(*args, **options):
        content = read(*args, **options)
        replace_behind_its_back(path)
        return content

    plant(monkeypatch, image_folder.images, images)
    with pytest.raises(DamagedData, match=f"{path} was changed while the data were loaded"):
        load(data, seed=0)


def changed(dataset: Dataset, by: float, *, everywhere: bool = False) -> Dataset:
    x = dataset.x_train.clone()
    x[slice(None) if everywhere else 317, 1] += by
    return dataclasses.replace(dataset, x_train=x)


@pytest.mark.parametrize("data", [MoonsData(), GaussianData(outputs=2), SpiralsData()])
def test_generated_points_are_compared_with_those_of_the_first_job_within_rounding(tmp_path, data):
    dataset, solve = load(data, seed=0), SharedFolder(tmp_path / "shared").solve
    y = dataset.y_train.clone()
    y[[0, -1]] = y[[-1, 0]] if dataset.is_classification else y[[-1, 0]] + 1e-3
    others = [
        changed(dataset, 1e-5),
        dataclasses.replace(dataset, x_test=dataset.x_test[1:], y_test=dataset.y_test[1:]),
        *([dataclasses.replace(dataset, y_train=y)] if not (y == dataset.y_train).all() else []),
    ]

    def job(dataset):
        with sketch.compared_by(solve):
            sketch.compare_sketches(dataset, data, 0)

    job(dataset)
    job(dataset)
    job(changed(dataset, 1e-14, everywhere=True))
    for other in others:
        with pytest.raises(DamagedData, match=f"data={data.name}: the points generated here are not those"):
            job(other)
    with sketch.compared_by(solve):
        sketch.compare_sketches(load(data, seed=1), data, 1)  # another seed has a first job of its own


def test_outside_a_run_nothing_is_compared():
    load(MoonsData(), seed=0)
    solved = InMemory()
    with sketch.compared_by(solved.solve):
        load(MoonsData(), seed=0)
    assert len(solved.solutions) == 1


@pytest.mark.parametrize("files", [None, "many", -1, 10**400, True, []])
def test_a_provenance_of_anybody_is_put_in_words(files):
    for key in ("files", "bytes"):
        words = identity.in_words({"data": "mnist", "folder": "/a", "files": 3, "bytes": 2_000_000, key: files})
        assert words.startswith("/a")
    assert identity.in_words({"data": "mnist", "folder": "/a", "files": 3, "bytes": 2_000_000}) == "/a, 3 files, 2.0 MB"
    assert identity.in_words({}) == ""
