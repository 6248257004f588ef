"""Files that are missing, truncated, corrupt, or of the wrong shape: each is named, with what to do."""

from __future__ import annotations

import gzip
import hashlib
import shutil

import numpy as np
import pytest
from PIL import Image

from resnet_limits.data import vision
from resnet_limits.data.files import File
from resnet_limits.data.identity import require_data
from resnet_limits.data.images import ImageArrays
from resnet_limits.data.loading import forget, load
from resnet_limits.data.root import data_root
from resnet_limits.data.sources.cifar10 import Cifar10Data
from resnet_limits.data.sources.fashion_mnist import FashionMnistData
from resnet_limits.data.sources.image_folder import ImageFolderData
from resnet_limits.data.sources.mnist import MnistData
from resnet_limits.data.sources.source import Data
from resnet_limits.errors import DamagedData, MissingData, OutputError
from tests.data.published import IDX, mnist_arrays, publish, write_cifar, write_idx


@pytest.fixture(autouse=True)
def nothing_is_kept():
    forget()
    yield
    forget()


@pytest.fixture
def mnist(tmp_path, monkeypatch):
    """A small MNIST that is taken for the published one."""
    write_idx(tmp_path / "MNIST" / "raw", mnist_arrays(100, 30))
    publish(monkeypatch, MnistData, tmp_path)
    return MnistData(root=str(tmp_path))


def flip(path, at: int = 100):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


# -- published files ------------------------------------------------------------------------------


def test_the_tables_agree_with_torchvision():
    torchvision = vision.datasets()
    assert [(f.path, f.md5) for f in Cifar10Data.files] == [
        (f"{torchvision.CIFAR10.base_folder}/{name}", md5)
        for name, md5 in [
            *torchvision.CIFAR10.train_list,
            *torchvision.CIFAR10.test_list,
            (torchvision.CIFAR10.meta["filename"], torchvision.CIFAR10.meta["md5"]),
        ]
    ]
    for name in ("mnist", "fashion_mnist"):
        cls = getattr(torchvision, Data.options[name].torchvision)
        expected = [f"{cls.__name__}/raw/{archive.removesuffix('.gz')}" for archive, _ in cls.resources]
        assert [f.path for f in Data.options[name].files] == expected


def test_whole_files_load_and_pass(mnist):
    require_data(mnist)
    assert load(mnist, seed=0).x_train.shape == (100, 784)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10"])
def test_without_files_all_are_named_with_the_folder_and_the_command(name, tmp_path):
    data = Data.options[name](root=str(tmp_path))
    for ask in (lambda: require_data(data), lambda: load(data, seed=0)):
        with pytest.raises(MissingData) as caught:
            ask()
        text = str(caught.value)
        assert all(file.path.rsplit("/", 1)[1] in text for file in type(data).files)
        assert str((tmp_path / type(data).files[0].path).parent) in text
        assert f"`reslim data {name}`" in text
        assert len(text.splitlines()) == 2


def test_one_missing_file_is_named_and_the_others_are_not(mnist, tmp_path):
    (tmp_path / "MNIST" / "raw" / IDX[2]).unlink()
    with pytest.raises(MissingData, match=IDX[2]) as caught:
        require_data(mnist)
    assert not any(name in str(caught.value) for name in (IDX[0], IDX[1], IDX[3]))


@pytest.mark.parametrize("name", IDX)
def test_a_truncated_file_is_named_with_its_sizes_before_anything_is_read(mnist, tmp_path, name):
    path = tmp_path / "MNIST" / "raw" / name
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-7])
    for ask in (lambda: require_data(mnist), lambda: load(mnist, seed=0)):
        with pytest.raises(DamagedData, match=rf"{name} is truncated: {size - 7} of {size} bytes") as caught:
            ask()
        assert "`reslim data mnist`" in str(caught.value)


@pytest.mark.parametrize("name", IDX)
def test_one_flipped_bit_is_found_when_the_file_is_read(mnist, tmp_path, name):
    flip(tmp_path / "MNIST" / "raw" / name, at=20)
    for ask in (lambda: require_data(mnist), lambda: load(mnist, seed=0)):
        with pytest.raises(DamagedData, match=rf"{name} is corrupt: its MD5 sum is [0-9a-f]{{32}}, not [0-9a-f]{{32}}"):
            ask()


def test_a_longer_file_is_not_the_published_one(mnist, tmp_path):
    path = tmp_path / "MNIST" / "raw" / IDX[1]
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(DamagedData, match="not the published file"):
        require_data(mnist)


def test_a_flipped_bit_of_fashion_mnist_is_found_by_the_archive_beside_it(tmp_path, monkeypatch):
    raw = tmp_path / "FashionMNIST" / "raw"
    write_idx(raw, mnist_arrays(100, 30))
    sizes = tuple(File(f.path, (tmp_path / f.path).stat().st_size) for f in FashionMnistData.files)
    monkeypatch.setattr(FashionMnistData, "files", sizes)
    for name in IDX:
        (raw / f"{name}.gz").write_bytes(gzip.compress((raw / name).read_bytes()))
    data = FashionMnistData(root=str(tmp_path))
    assert load(data, seed=0).classes == 10
    forget()
    flip(raw / IDX[0])
    with pytest.raises(DamagedData, match=rf"{IDX[0]} is corrupt: its CRC-32 is .*{IDX[0]}.gz"):
        load(data, seed=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda arrays: [arrays[0], arrays[1][:-1], *arrays[2:]], r"training images.*\(99,\)"),
        (lambda arrays: [*arrays[:2], arrays[2][:, 1:], arrays[3]], "test images of shape"),
        (lambda arrays: [*arrays[:3], arrays[3] + 3], "test labels from 3 to 12 for 10 classes"),
        (lambda arrays: [arrays[1], arrays[0], *arrays[2:]], "IDX format|training images"),
    ],
)
def test_files_of_the_wrong_shape_are_refused(tmp_path, monkeypatch, change, message):
    write_idx(tmp_path / "FashionMNIST" / "raw", change(mnist_arrays(100, 30)))
    publish(monkeypatch, FashionMnistData, tmp_path)
    with pytest.raises(DamagedData, match=message):
        load(FashionMnistData(root=str(tmp_path)), seed=0)


def test_a_pickle_of_another_sum_is_never_opened(tmp_path, monkeypatch):
    write_cifar(tmp_path, 10)
    publish(monkeypatch, Cifar10Data, tmp_path)
    path = tmp_path / "cifar-10-batches-py" / "data_batch_3"
    size = path.stat().st_size
    path.write_bytes(b"cos\nsystem\n(S'touch " + str(tmp_path / "opened").encode() + b"'\ntR.".ljust(10))
    path.write_bytes(path.read_bytes().ljust(size, b" "))
    with pytest.raises(DamagedData, match="data_batch_3 is corrupt"):
        load(Cifar10Data(root=str(tmp_path)), seed=0)
    assert not (tmp_path / "opened").exists()


def test_images_of_inconsistent_shape_are_refused():
    import torch

    x, y = torch.zeros(4, 1, 3, 3, dtype=torch.uint8), torch.tensor([0, 1, 0, 1])
    with pytest.raises(DamagedData, match="training labels from 0 to 1 for 1 classes"):
        ImageArrays(x, y, x, y, ("one",))


# -- where they are looked for --------------------------------------------------------------------


def test_the_root_is_the_key_else_the_variable_else_the_user_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RESLIM_DATA", str(tmp_path / "variable"))
    assert data_root(str(tmp_path / "key")) == tmp_path / "key"
    assert data_root(None) == tmp_path / "variable"
    monkeypatch.delenv("RESLIM_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert data_root(None) == tmp_path / "cache" / "reslim" / "data"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_root(None) == tmp_path / ".cache" / "reslim" / "data"
    assert data_root("~/here") == tmp_path / "here"


# -- fetching -------------------------------------------------------------------------------------


@pytest.fixture
def archives(tmp_path, monkeypatch):
    """The archives of a small MNIST in place, their sums known, and no network."""
    raw = tmp_path / "MNIST" / "raw"
    write_idx(raw, mnist_arrays(100, 30))
    publish(monkeypatch, MnistData, tmp_path)
    resources = []
    for name in IDX:
        content = gzip.compress((raw / name).read_bytes())
        (raw / name).unlink()
        (raw / f"{name}.gz").write_bytes(content)
        resources.append((f"{name}.gz", hashlib.md5(content).hexdigest()))
    cls = vision.datasets().MNIST
    monkeypatch.setattr(cls, "resources", resources)
    monkeypatch.setattr(cls, "mirrors", ["http://127.0.0.1:9/"])
    return raw


def test_archives_in_place_are_unpacked_without_a_network(archives, tmp_path):
    MnistData.fetch(tmp_path)
    assert {p.name for p in archives.iterdir()} == {*IDX, *(f"{name}.gz" for name in IDX)}
    assert [p.name for p in tmp_path.iterdir()] == ["MNIST"], "nothing half-fetched is left"
    assert not any(path.is_symlink() for path in archives.iterdir())
    assert load(MnistData(root=str(tmp_path)), seed=0).x_test.shape == (30, 784)


def test_an_archive_of_another_sum_is_left_alone_and_the_files_to_put_are_named(archives, tmp_path):
    flip(archives / f"{IDX[0]}.gz")
    before = {p.name: p.read_bytes() for p in archives.iterdir()}
    with pytest.raises(MissingData, match=r"could not download mnist") as caught:
        MnistData.fetch(tmp_path)
    assert all(name in str(caught.value) for name in IDX)
    assert str(archives) in str(caught.value)
    assert {p.name: p.read_bytes() for p in archives.iterdir()} == before


def test_a_fetch_that_fails_leaves_no_folder(archives, tmp_path):
    root = tmp_path / "new" / "root"
    with pytest.raises(MissingData):
        MnistData.fetch(root)
    assert not (tmp_path / "new").exists()


def test_a_root_that_cannot_be_written_is_said(archives, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="--root"):
        MnistData.fetch(tmp_path / "file")


def test_a_truncated_file_is_replaced_by_what_is_fetched(archives, tmp_path):
    (archives / IDX[0]).write_bytes(b"half")
    MnistData.fetch(tmp_path)
    assert not any(seen.problem for seen in MnistData.look(tmp_path, thoroughly=True))


# -- folders of images ----------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """Two classes of three PNGs in each part."""
    for part in ("train", "test"):
        for k, name in enumerate(("cat", "dog")):
            (tmp_path / "pets" / part / name).mkdir(parents=True)
            for i in range(3):
                Image.fromarray(np.full((5, 5, 3), 40 * k + 10 * i + 1, dtype=np.uint8)).save(
                    tmp_path / "pets" / part / name / f"{i}.png"
                )
    return tmp_path / "pets"


def ask(folder):
    return ImageFolderData(root=str(folder.parent), folder="pets", size=4)


def test_a_whole_folder_loads_and_passes(folder):
    require_data(ask(folder))
    d = load(ask(folder), seed=0)
    assert (d.classes, d.x_train.shape, d.x_test.shape) == (2, (6, 48), (6, 48))


def test_a_missing_folder_is_named(folder):
    shutil.rmtree(folder / "test")
    with pytest.raises(MissingData, match=rf"there is no folder {folder / 'test'}"):
        require_data(ask(folder))
    shutil.rmtree(folder)
    with pytest.raises(MissingData, match=rf"there is no folder {folder};.*train/CLASS/"):
        require_data(ask(folder))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: shutil.rmtree(f / "test" / "dog"), "{f}/train/dog has no counterpart {f}/test/dog"),
        (lambda f: (f / "test" / "cow").mkdir(), "{f}/test/cow has no counterpart {f}/train/cow"),
        (lambda f: [p.unlink() for p in (f / "train" / "cat").iterdir()], "{f}/train/cat holds no images"),
        (lambda f: [shutil.rmtree(f / part / "dog") for part in ("train", "test")], "{f} has a single class, 'cat'"),
        (
            lambda f: [shutil.rmtree(f / part / name) for part in ("train", "test") for name in ("cat", "dog")],
            "{f}/train has no folders of images",
        ),
    ],
)
def test_a_folder_that_cannot_be_learnt_from_is_refused_with_the_reason(folder, damage, message):
    damage(folder)
    with pytest.raises(DamagedData, match=message.format(f=folder)):
        require_data(ask(folder))


@pytest.mark.parametrize("damage", ["no image", "truncated", "flipped", "empty"])
def test_an_image_that_cannot_be_read_is_named(folder, damage):
    path = folder / "test" / "dog" / "1.png"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    half = path.read_bytes()[: len(content) // 2]
    path.write_bytes({"no image": b"hello", "truncated": half, "flipped": content, "empty": b""}[damage])
    require_data(ask(folder))
    with pytest.raises(DamagedData, match=rf"cannot read {path}: ."):
        load(ask(folder), seed=0)


def test_hidden_folders_and_other_files_are_no_classes_and_no_images(folder):
    (folder / "train" / ".cache").mkdir()
    (folder / "train" / "readme.txt").write_text("")
    (folder / "train" / "cat" / "._0.png").write_text("")
    assert load(ask(folder), seed=0).classes == 2


def test_checking_before_a_run_imports_neither_torch_nor_torchvision(folder, tmp_path):
    import subprocess
    import sys

    program = (
        "import sys\n"
        "from resnet_limits.data.sources.image_folder import ImageFolderData\n"
        "from resnet_limits.data.identity import require_data\n"
        f"require_data(ImageFolderData(root={str(folder.parent)!r}, folder='pets'))\n"
        "print('torch' in sys.modules, 'torchvision' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["False", "False"], done.stderr
