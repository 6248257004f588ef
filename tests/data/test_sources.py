"""Every source obeys the laws of `sources.py`, the real MNIST and CIFAR-10 images where they are present."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from resnet_limits.data import images
from resnet_limits.data.loading import embed, forget, load
from resnet_limits.data.sources.cifar10 import Cifar10Data
from resnet_limits.data.sources.circles import CirclesData
from resnet_limits.data.sources.digits import DigitsData
from resnet_limits.data.sources.fashion_mnist import FashionMnistData
from resnet_limits.data.sources.gaussian import GaussianData, teacher
from resnet_limits.data.sources.image_folder import ImageFolderData
from resnet_limits.data.sources.labelled_file import LabelledFileData
from resnet_limits.data.sources.mnist import MnistData
from resnet_limits.data.sources.moons import MoonsData
from resnet_limits.data.sources.points import PointsData
from resnet_limits.data.sources.source import Data
from resnet_limits.data.sources.spirals import SpiralsData
from resnet_limits.data.sources.tanh_flow import TanhFlowData, tanh_flow
from resnet_limits.data.sources.target_file import TargetFileData
from resnet_limits.errors import RequestError, SettingError
from resnet_limits.settings.checks import check_values
from resnet_limits.studies.hamiltonian.settings import Hamiltonian
from tests.data.own_files import write_csv, write_npz
from tests.data.published import mnist_arrays, publish, write_cifar, write_idx
from tests.data.sources import REAL, DataSetLaws, real


class TestDigits(DataSetLaws):
    settings = DigitsData()
    sizes = (1400, 397)
    classes = 10
    constant_features = 5


class TestMoons(DataSetLaws):
    settings = MoonsData()


class TestCircles(DataSetLaws):
    settings = CirclesData()

    def test_the_inner_circle_has_half_the_radius(self):
        x, labels = CirclesData(noise=0.0).points(0)
        radii = np.linalg.norm(x, axis=1)
        assert radii == pytest.approx(np.where(labels == 1, 0.5, 1.0))


class TestSpirals(DataSetLaws):
    settings = SpiralsData()


class TestGaussian(DataSetLaws):
    settings = GaussianData(outputs=3)
    classes = 0


class TestTanhFlow(DataSetLaws):
    settings = TanhFlowData(features=4, steps=7)
    classes = 0

    def test_training_points_have_mean_zero_and_variance_one_or_are_zero(self):
        lengths = self.loaded(0).x_train.norm(dim=1)  # they stand as they are made, of length one
        torch.testing.assert_close(lengths, torch.ones_like(lengths))

    def test_targets_are_standardised_too(self):
        lengths = self.loaded(0).y_train.norm(dim=1)
        torch.testing.assert_close(lengths, torch.ones_like(lengths))

    def test_targets_are_what_the_flow_makes_of_points(self):
        z, steps = np.array([[0.3, -0.2]]), 7
        (a, b), moved = z[0], tanh_flow(z, steps)[0]
        for k in range(steps):
            s, c = np.sin(5 * np.pi * k / steps), np.cos(5 * np.pi * k / steps)
            a, b = a + np.tanh(s * a + c) / steps**0.5, b + np.tanh(s * b + c) / steps**0.5
        assert moved == pytest.approx([a, b], rel=1e-12)


class TestPoints(DataSetLaws):
    settings = PointsData(features=2, x=[0, 1, 2, 3, 4, 5, 6.5, 7], y=[10, 11, 12, 13], train_size=3, test_size=1)
    sizes = (3, 1)
    classes = 0

    def test_training_points_have_mean_zero_and_variance_one_or_are_zero(self):
        assert self.loaded(0).x_train.tolist() == [[0, 1], [2, 3], [4, 5]]  # they stand as they were typed

    def test_targets_are_standardised_too(self):
        assert self.loaded(0).y_train.tolist() == [[10], [11], [12]]

    def test_test_points_are_new_and_of_the_same_law(self):
        assert self.loaded(0).x_test.tolist() == [[6.5, 7]]

    def test_the_seed_is_all_that_matters(self):
        assert torch.equal(self.loaded(3).x_train, self.loaded(4).x_train)

    def test_a_larger_training_set_of_a_fixed_set_contains_the_smaller(self):
        larger = load(dataclasses.replace(self.settings, train_size=4, test_size=0), seed=1)
        assert torch.equal(larger.x_train[:3], self.loaded(1).x_train)

    @pytest.mark.parametrize(
        ("keys", "words"),
        [
            ({}, "no points are given"),
            ({"x": [0.4]}, "no targets are given"),
            ({"x": [1.0, 2.0, 3.0], "y": [1.0], "features": 2}, "a point has data.features=2"),
            ({"x": [1.0, 2.0], "y": [1.0, 2.0, 3.0]}, "give as many for each point"),
        ],
    )
    def test_numbers_that_make_no_points_are_refused_in_words(self, keys, words):
        with pytest.raises(RequestError, match=words):
            load(PointsData(**keys), seed=0)

    @pytest.mark.parametrize(
        ("value", "words"),
        [(["a"], "expected a list of numbers"), ([float("nan")], "finite numbers"), ("a", "numbers")],
    )
    def test_what_is_no_number_is_refused(self, value, words):
        with pytest.raises(SettingError, match=words):
            check_values(Hamiltonian(data=PointsData(x=value, y=[1.0])))

    def test_one_number_is_a_list_and_whole_numbers_are_numbers(self):
        given: Any = 2
        points = PointsData(x=[1], y=given)
        assert (points.x, points.y) == ([1.0], [2.0])
        assert all(isinstance(number, float) for number in points.x or ())


@real("MNIST")
class TestMnist(DataSetLaws):
    settings = MnistData(root=str(REAL))
    channels = 1
    sizes = (60000, 10000)
    classes = 10


@real("cifar10_jpeg_subset")
class TestColourImageFolder(DataSetLaws):
    settings = ImageFolderData(root=str(REAL), folder="cifar10_jpeg_subset")
    channels = 3
    sizes = (10000, 2000)
    classes = 10


class Written(DataSetLaws):
    """Sources whose files the tests write."""

    @classmethod
    def setup_class(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.patch = pytest.MonkeyPatch()
        cls.settings = dataclasses.replace(cls.settings, root=cls.folder.name)
        cls.write(Path(cls.folder.name))

    @classmethod
    def teardown_class(cls):
        cls.patch.undo()
        cls.folder.cleanup()
        forget()

    @classmethod
    def write(cls, root):
        raise NotImplementedError


class TestFashionMnist(Written):
    settings = FashionMnistData()
    channels = 1
    sizes, whole = (300, 80), False
    classes = 10

    @classmethod
    def write(cls, root):
        write_idx(root / "FashionMNIST" / "raw", mnist_arrays(300, 80))
        publish(cls.patch, FashionMnistData, root)


class TestCifar10(Written):
    settings = Cifar10Data()
    channels = 3
    sizes, whole = (200, 40), False
    classes = 10

    @classmethod
    def write(cls, root):
        from resnet_limits.data import vision

        write_cifar(root, 40)
        publish(cls.patch, Cifar10Data, root)
        cls.patch.setattr(vision.datasets().cifar, "check_integrity", lambda path, md5=None: True)


class TestGreyImageFolder(Written):
    settings = ImageFolderData(grey=True, size=8)
    channels = 1
    sizes = (90, 45)
    classes = 3

    @classmethod
    def write(cls, root):
        stream = np.random.default_rng(0)
        for part, n in (("train", 30), ("test", 15)):
            for k, name in enumerate(("zebra", "ant", "Bee")):
                folder = root / "images" / part / name
                folder.mkdir(parents=True)
                for i in range(n):
                    pixels = stream.integers(0, 150, (12, 10, 3)).astype(np.uint8) + np.uint8(40 * k)
                    Image.fromarray(pixels).save(folder / f"{i}.png")
                (folder / "notes.txt").write_text("no image")


class TestLabelledFile(Written):
    settings = LabelledFileData(file="my.npz")
    sizes = (90, 30)
    classes = 3

    @classmethod
    def write(cls, root):
        write_npz(root / "my.npz")


class TestTargetFile(Written):
    settings = TargetFileData(file="my.csv")
    sizes = (96, 24)
    classes = 0

    @classmethod
    def write(cls, root):
        write_csv(root / "my.csv", targets=True)


def test_every_data_set_of_the_settings_is_tested_here():
    tested = {
        type(laws.settings) for laws in globals().values() if isinstance(laws, type) and hasattr(laws, "settings")
    }
    assert tested == set(Data.options.values())


# -- what is special to one source ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "radius"), [(CirclesData(noise=0.0), (0.5, 1.0)), (SpiralsData(noise=0.0), (0.3, 3.0))]
)
def test_noise_of_zero_leaves_the_curves(data, radius):
    x, y = data.points(seed=0)
    r = (x**2).sum(axis=1) ** 0.5
    assert r.min() >= radius[0] - 1e-12
    assert r.max() <= radius[1] + 1e-12
    if data.name == "spirals":  # turned back by its own angle, each arm is a ray: class 0 to the right, 1 to the left
        turned = (x[:, 0] + 1j * x[:, 1]) * np.exp(-1j * np.pi * r)
        assert np.allclose(turned, np.where(y == 0, r, -r))


def test_gaussian_targets_are_those_of_the_teacher_and_their_noise_has_the_size_asked_for():
    data = GaussianData(train_size=3000, test_size=1000, features=3, outputs=2, noise=0.0)
    x, clean = data.points(5)
    inner, outer = teacher(features=3, outputs=2, seed=5)
    for i in (0, 17):
        assert clean[i] == pytest.approx([sum(outer[j] * np.tanh(inner @ x[i])) for j in range(2)])
    same_x, noisy = dataclasses.replace(data, noise=0.3).points(5)
    assert np.array_equal(x, same_x)
    assert (noisy - clean).std(axis=0) == pytest.approx([0.3, 0.3], rel=0.06)
    assert abs(float(x.mean())) < 4.5 / 12000**0.5
    assert float(x.var()) == pytest.approx(1, abs=4.5 * (2 / 12000) ** 0.5)


def test_the_teacher_is_smooth_and_not_linear():
    x, y = GaussianData(train_size=3000, test_size=1000, features=4, noise=0.0).points(0)
    features = np.column_stack([np.ones(len(x)), x])
    residual = y - features @ np.linalg.lstsq(features, y, rcond=None)[0]
    assert 0.02 < float(residual.var() / y.var()) < 0.9
    inner, outer = teacher(features=4, outputs=1, seed=0)
    steepest = np.abs(outer).sum() * np.linalg.norm(inner, axis=1).max()
    near = np.linalg.norm(x[:, None, :1] - x[None, :200, :1], axis=-1).argsort(axis=0)[1]
    assert np.all(np.abs(y[near] - y[:200]) <= steepest * np.linalg.norm(x[near] - x[:200], axis=1)[:, None] + 1e-12)


def test_the_statistics_of_a_channel_are_numpys_and_a_constant_channel_becomes_zero():
    x = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (5000, 3, 4, 5)).astype(np.uint8))
    x[:4900, 1] = 7
    chosen = torch.arange(4900)
    mean, deviation = images.channel_statistics(x, chosen)
    pixels = x[:4900].numpy().astype(np.float64)
    assert mean.tolist() == pytest.approx(pixels.mean(axis=(0, 2, 3)).tolist(), rel=1e-13)
    assert deviation.tolist() == pytest.approx([pixels[:, 0].std(), 1.0, pixels[:, 2].std()], rel=1e-12)
    points = images.standardised(x, torch.tensor([4899, 3]), mean, deviation)
    expected = (pixels[[4899, 3]] - pixels.mean(axis=(0, 2, 3))[:, None, None]) / deviation.numpy()[:, None, None]
    assert np.allclose(points.numpy(), expected.reshape(2, -1), atol=1e-6)
    assert not points[:, 20:40].any()


def test_images_are_standardised_by_the_training_images_alone(tmp_path):
    numbers = np.random.default_rng(0)
    for part, low in (("train", 0), ("test", 200)):
        for name in ("a", "b"):
            folder = tmp_path / "bright" / part / name
            folder.mkdir(parents=True)
            for i in range(4):
                Image.fromarray(numbers.integers(low, 256, (5, 5), np.uint8)).save(folder / f"{i}.png")
    loaded = load(ImageFolderData(root=str(tmp_path), folder="bright"), seed=0)
    assert float(loaded.x_train.mean()) == pytest.approx(0, abs=1e-6)
    assert float(loaded.x_train.square().mean()) == pytest.approx(1, abs=1e-5)
    assert float(loaded.x_test.mean()) > 1


@real("MNIST")
def test_mnist_is_mnist():
    whole = load(MnistData(root=str(REAL)), seed=0)
    assert whole.y_train.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert whole.y_test.bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert float(whole.x_train.max() - whole.x_train.min()) == pytest.approx(1 / 0.3081, rel=1e-3)
    assert float(whole.x_train.min()) == pytest.approx(-0.1307 / 0.3081, rel=1e-3)  # mean and deviation that all quote
    few = load(MnistData(root=str(REAL), train_size=100, test_size=50), seed=0)
    assert torch.equal(few.y_train, whole.y_train[:100])


@pytest.mark.slow
@real("cifar10_jpeg_subset")
def test_a_folder_has_its_classes_in_the_order_of_their_names_and_pixels_as_pil_reads_them():
    from resnet_limits.data import image_folder

    folder = REAL / "cifar10_jpeg_subset"
    messages = []
    colour = image_folder.images(folder, size=32, grey=False, progress=messages.append)
    assert colour.classes == tuple(sorted(path.name for path in (folder / "train").iterdir()))
    assert colour.y_train.bincount().tolist() == [1000] * 10
    first = sorted((folder / "train" / "airplane").iterdir())[0]
    with Image.open(first) as image:
        assert np.array_equal(colour.x_train[0].permute(1, 2, 0), np.asarray(image.convert("RGB")))
    assert messages[-1] == "reading images, 2000 of 2000 in test"


def test_images_are_resized_and_greyed_as_asked(tmp_path):
    from resnet_limits.data import image_folder

    for part in ("train", "test"):
        for name, colour in (("red", (255, 0, 0)), ("white", (255, 255, 255))):
            (tmp_path / part / name).mkdir(parents=True)
            Image.new("RGB", (50, 20), colour).save(tmp_path / part / name / "a.PNG")
    colour = image_folder.images(tmp_path, size=4, grey=False)
    assert colour.x_train[0].tolist() == [[[255] * 4] * 4, [[0] * 4] * 4, [[0] * 4] * 4]
    grey = image_folder.images(tmp_path, size=4, grey=True)
    assert grey.x_train.shape == (2, 1, 4, 4)
    assert int(grey.x_train[0, 0, 0, 0]) == 76  # ITU-R 601: 0.299 * 255
    assert int(grey.x_test[1, 0, 0, 0]) == 255


def test_embedded_points_have_entries_of_order_one_and_the_matrix_is_fixed():
    x = load(DigitsData(), seed=0).x_train
    z = embed(x, 256, seed=7)
    assert z.shape == (1400, 256)
    assert float(z.square().mean()) == pytest.approx(float(x.square().mean()), rel=0.1)
    assert torch.equal(z, embed(x, 256, seed=7))
    assert not torch.equal(z, embed(x, 256, seed=8))
    torch.testing.assert_close(embed(x[:10], 16, seed=7), z[:10, :16])
    torch.testing.assert_close(embed(x[:5] + x[5:10], 16, seed=7), z[:5, :16] + z[5:10, :16])
    assert embed(x.float(), 16, seed=7).dtype == torch.float32
