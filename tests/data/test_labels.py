"""Points keep their labels: through splits, subsets, embeddings, mini-batches, and what studies make of the data.

Each loaded point is identified by its content (`identity.py`), and its label is held against the source's own, which is
read here without reslim. Where content proves nothing, a plain classifier does: on the data as loaded it is as accurate
as it must be, and with its training labels shuffled it is not.
"""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier

from resnet_limits.data.dataset import Dataset
from resnet_limits.data.loading import embed, forget, load
from resnet_limits.data.sources.cifar10 import Cifar10Data
from resnet_limits.data.sources.digits import DigitsData
from resnet_limits.data.sources.fashion_mnist import FashionMnistData
from resnet_limits.data.sources.gaussian import GaussianData
from resnet_limits.data.sources.image_folder import ImageFolderData
from resnet_limits.data.sources.labelled_file import LabelledFileData
from resnet_limits.data.sources.mnist import MnistData
from resnet_limits.data.sources.source import Data
from resnet_limits.data.sources.target_file import TargetFileData
from resnet_limits.networks.blocks.two import TwoBlock
from resnet_limits.networks.classifier import cross_entropy
from resnet_limits.networks.convolutional import logits_of_images
from resnet_limits.settings.training import Train
from resnet_limits.studies.flow.settings import Flow, FlowKeys, ImageKeys
from resnet_limits.studies.gamma.settings import Gamma, GammaKeys
from resnet_limits.studies.hamiltonian.settings import Hamiltonian, HamiltonianKeys
from resnet_limits.studies.kernel.settings import Kernel, KernelKeys
from resnet_limits.studies.ode.settings import Ode
from resnet_limits.training.convolutional import train_convolutional
from resnet_limits.training.minimiser import minimise
from tests.data.identity import by_channel, by_feature
from tests.data.own_files import points as own_points
from tests.data.own_files import write_npz
from tests.data.published import IDX, mnist_arrays, publish, write_cifar, write_idx
from tests.data.sources import REAL
from tests.planting import plant

SPLIT = ("digits", "moons", "circles", "spirals", "gaussian")
"""Sources that are split here into training and test points."""
APART = (
    "mnist",
    "fashion_mnist",
    "cifar10",
    "image_folder",
    "grey_folder",
    "photographs",
    "labelled_file",
    "target_file",
)
"""Sources in files with a test set of their own."""
REGRESSIONS = ("gaussian", "target_file")
NEEDS = {"mnist": "MNIST", "photographs": "cifar10_jpeg_subset"}


@dataclass(frozen=True)
class Source:
    """Settings of a data set; its points (n, f), or bytes (n, channels, height, width), with labels, by part; in
    place of labels a regression has targets."""

    data: Any
    parts: Callable[[int], list[tuple[np.ndarray, np.ndarray]]]
    """`parts(seed)`: one pool of points, or training and test images."""

    def identified(self, d: Dataset, seed: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """For training and test points: their indices in the source, their labels there, their labels as loaded."""
        parts, loaded = self.parts(seed), (d.x_train.numpy(), d.x_test.numpy())
        if len(parts) == 1:
            ((x, y),) = parts
            both = by_feature(np.concatenate(loaded), x)
            indices = [both[: len(loaded[0])], both[len(loaded[0]) :]]
            labels = [y, y]
        elif parts[0][0].ndim == 2:
            both = by_feature(np.concatenate(loaded), np.concatenate([x for x, _ in parts]))
            indices = [both[: len(loaded[0])], both[len(loaded[0]) :] - len(parts[0][0])]
            labels = [y for _, y in parts]
        else:
            indices = [by_channel(z, x) for z, (x, _) in zip(loaded, parts, strict=True)]
            labels = [y for _, y in parts]
        return [
            (i, y[i], y_loaded.numpy()) for i, y, y_loaded in zip(indices, labels, (d.y_train, d.y_test), strict=True)
        ]


def read_idx(path: Path) -> np.ndarray:
    content = path.read_bytes()
    shape = np.frombuffer(content, ">u4", count=content[3], offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(shape)


def of_idx(raw: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    x, y, x_test, y_test = (read_idx(raw / name) for name in IDX)
    return [(x[:, None], y), (x_test[:, None], y_test)]


def of_batches(folder: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    def read(*names: str) -> tuple[np.ndarray, np.ndarray]:
        batches = [pickle.loads((folder / name).read_bytes()) for name in names]
        x = np.concatenate([batch["data"] for batch in batches]).reshape(-1, 3, 32, 32)
        return x, np.concatenate([batch["labels"] for batch in batches])

    return [read(*(f"data_batch_{k}" for k in range(1, 6))), read("test_batch")]


def of_folder(data: ImageFolderData) -> list[tuple[np.ndarray, np.ndarray]]:
    """The label of a file is the place of its class, the first folder on its path, among the names of the classes."""

    def read(folder: Path) -> tuple[np.ndarray, np.ndarray]:
        names, x, y = sorted(path.name for path in folder.iterdir()), [], []
        for path in sorted(folder.rglob("*.*"), reverse=True):
            image = Image.open(path).convert("L" if data.grey else "RGB")
            pixels = np.asarray(image.resize((data.size, data.size), Image.Resampling.BILINEAR))
            x.append(pixels.reshape(data.size, data.size, -1).transpose(2, 0, 1))
            y.append(names.index(path.relative_to(folder).parts[0]))
        return np.array(x), np.array(y)

    return [read(Path(data.root or "") / data.folder / part) for part in ("train", "test")]


def write_folder(folder: Path) -> None:
    """Random images of three classes, brighter from class to class, some in sub-folders."""
    random = np.random.default_rng(3)
    for part, n in (("train", 40), ("test", 20)):
        for k, name in enumerate(("Zebra", "ant", "bee")):
            for i in range(n):
                path = folder / part / name / ("more" if i % 3 else "") / f"{random.integers(10**9)}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray((random.integers(0, 120, (9, 7, 3)) + 60 * k).astype(np.uint8)).save(path)


def link_photographs(folder: Path) -> None:
    """A tenth of the photographs: 100 of each class to train on, 50 to test with."""
    for part, n in (("train", 100), ("test", 50)):
        for name in sorted((REAL / NEEDS["photographs"] / part).iterdir()):
            (folder / part / name.name).mkdir(parents=True)
            for path in sorted(name.iterdir())[:n]:
                (folder / part / name.name / path.name).symlink_to(path)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Iterator[Path]:
    """Data sets in files, in the layouts of the published ones."""
    from resnet_limits.data import vision

    path, patch = tmp_path_factory.mktemp("data"), pytest.MonkeyPatch()
    write_idx(path / "FashionMNIST" / "raw", mnist_arrays(400, 100))
    publish(patch, FashionMnistData, path)
    write_cifar(path, 40)
    publish(patch, Cifar10Data, path)
    patch.setattr(vision.datasets().cifar, "check_integrity", lambda path, md5=None: True)
    write_folder(path / "images")
    write_npz(path / "labels.npz")
    write_npz(path / "targets.npz", **own_points(targets=True))
    if (REAL / NEEDS["photographs"]).exists():
        link_photographs(path / "photographs")
    yield path
    patch.undo()
    forget()


@pytest.fixture
def source(root) -> Callable[[str], Source]:
    def named(name: str) -> Source:
        if name in NEEDS and not (REAL / NEEDS[name]).exists():
            pytest.skip(f"no {NEEDS[name]} under {REAL}")
        if name == "digits":
            x, y = load_digits(return_X_y=True)
            return Source(DigitsData(), lambda seed: [(np.asarray(x), np.asarray(y))])
        if name in SPLIT:
            data_of_its_size: Any = {"gaussian": GaussianData(outputs=2)}.get(name) or Data.options[name]()
            return Source(data_of_its_size, lambda seed: [data_of_its_size.points(seed)])
        if name == "mnist":
            data = MnistData(root=str(REAL), train_size=2000, test_size=1000)
            return Source(data, lambda seed: of_idx(REAL / "MNIST" / "raw"))
        if name == "fashion_mnist":
            data = FashionMnistData(root=str(root))
            return Source(data, lambda seed: of_idx(root / "FashionMNIST" / "raw"))
        if name == "cifar10":
            return Source(Cifar10Data(root=str(root)), lambda seed: of_batches(root / "cifar-10-batches-py"))
        if name.endswith("_file"):
            arrays = own_points(targets=name == "target_file")
            parts = [(arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test")]
            with_labels, with_targets = LabelledFileData(file="labels.npz"), TargetFileData(file="targets.npz")
            data = replace(with_labels if name == "labelled_file" else with_targets, root=str(root))
            return Source(data, lambda seed: parts)
        data = {
            "image_folder": ImageFolderData(root=str(root), size=7),
            "grey_folder": ImageFolderData(root=str(root), size=5, grey=True),
            "photographs": ImageFolderData(root=str(root), folder="photographs"),
        }[name]
        return Source(data, lambda seed: of_folder(data))

    return named


def test_every_data_set_of_the_settings_is_tested_here(source):
    names = {name for name in (*SPLIT, *APART) if name not in NEEDS or (REAL / NEEDS[name]).exists()}
    as_given = {"points", "tanh_flow"}  # in their order, with their targets: test_sources.py
    assert {source(name).data.name for name in names} | {"mnist"} | as_given == set(Data.options)


@pytest.mark.parametrize("seed", [0, 1, 7])
@pytest.mark.parametrize("sizes", [{}, {"train_size": 60, "test_size": 30}])
@pytest.mark.parametrize("name", [name for name in (*SPLIT, *APART) if name not in REGRESSIONS])
def test_each_point_has_its_own_label_and_no_test_point_is_trained_on(source, name, sizes, seed):
    chosen = source(name)
    chosen = chosen if not sizes else replace(chosen, data=replace(chosen.data, **sizes))
    if name in SPLIT and name != "digits":  # their points are drawn for their number
        chosen = replace(chosen, parts=lambda seed: [chosen.data.points(seed)])
    d = load(chosen.data, seed=seed)
    train, test = chosen.identified(d, seed)
    for indices, expected, loaded in (train, test):
        assert np.array_equal(expected, loaded)
        assert len(np.unique(indices)) == len(indices)
        assert not np.array_equal(indices, np.sort(indices)), "in the order of the source"
    if len(chosen.parts(seed)) == 1:
        assert not {*train[0]} & {*test[0]}
    assert (len(train[0]), len(test[0])) == (len(d.x_train), len(d.x_test))


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("train_size", [1000, 50])
def test_each_point_of_a_regression_has_its_own_targets(source, seed, train_size):
    data = replace(source("gaussian").data, train_size=train_size, noise=0.5)
    x, y = data.points(seed)
    d = load(data, seed=seed)
    both = by_feature(torch.cat([d.x_train, d.x_test]).numpy(), x)
    assert len(np.unique(both)) == len(both)
    assert_standardised(d, y[both])


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("train_size", [90, 50])
def test_each_point_of_a_file_has_its_own_targets(source, seed, train_size):
    chosen = source("target_file")
    chosen = replace(chosen, data=replace(chosen.data, train_size=train_size))
    d = load(chosen.data, seed=seed)
    (train, expected, _), (test, expected_of_test, _) = chosen.identified(d, seed)
    assert (len(np.unique(train)), len(np.unique(test))) == (train_size, 30)
    assert_standardised(d, np.concatenate([expected, expected_of_test]))


def assert_standardised(d: Dataset, expected: np.ndarray) -> None:
    """Targets as loaded are these, each output over the deviation of its training points."""
    loaded = torch.cat([d.y_train, d.y_test]).numpy()
    for z, target in zip(loaded.T, expected.T, strict=True):
        slope, shift = np.polyfit(target, z, 1)
        np.testing.assert_allclose(z, slope * target + shift, atol=1e-9)
        assert slope == pytest.approx(1 / target[: len(d.x_train)].std())


# -- statistics of the training points only ----------------------------------------------------------


@pytest.mark.parametrize("regression", [False, True])
def test_training_points_do_not_know_the_test_points_of_a_split(source, monkeypatch, regression):
    if regression:
        data = GaussianData(outputs=2)
        x, y = data.points(0)
    else:
        data = DigitsData()
        x, y = (np.asarray(a) for a in load_digits(return_X_y=True))
    before = load(data, seed=0)
    held_out = by_feature(torch.cat([before.x_train, before.x_test]).numpy(), x)[len(before.x_train) :]
    other_x, other_y = x.astype(float), y.copy()
    other_x[held_out] += np.random.default_rng(0).normal(30, 10, other_x[held_out].shape)
    if regression:
        other_y[held_out] *= 9
    monkeypatch.setattr(type(data), "points", lambda data, seed: (other_x, other_y))
    forget()
    after = load(data, seed=0)
    forget()
    assert torch.equal(before.x_train, after.x_train)
    assert torch.equal(before.y_train, after.y_train)
    assert not torch.equal(before.x_test, after.x_test)
    assert regression != torch.equal(before.y_test, after.y_test)


@pytest.mark.parametrize("name", ["fashion_mnist", "image_folder"])
def test_training_images_do_not_know_the_test_images(source, monkeypatch, name):
    data = source(name).data
    before, read = load(data, seed=0), type(data).images
    monkeypatch.setattr(
        type(data), "images", lambda *arguments: replace(arrays := read(*arguments), x_test=255 - arrays.x_test)
    )
    forget()
    after = load(data, seed=0)
    forget()
    assert torch.equal(before.x_train, after.x_train)
    assert torch.equal(before.y_train, after.y_train)
    assert not torch.equal(before.x_test, after.x_test)


def test_what_is_not_chosen_of_the_training_images_does_not_matter_either(source, monkeypatch):
    data = replace(source("fashion_mnist").data, train_size=50)
    before, read = load(data, seed=0), type(data).images
    chosen, _, _ = source("fashion_mnist").identified(before, 0)[0]

    def changed(*arguments):
        arrays = read(*arguments)
        x = 255 - arrays.x_train
        x[chosen] = arrays.x_train[chosen]
        return replace(arrays, x_train=x)

    monkeypatch.setattr(type(data), "images", changed)
    forget()
    after = load(data, seed=0)
    forget()
    assert torch.equal(before.x_train, after.x_train)


# -- what becomes of a loaded data set ---------------------------------------------------------------


@pytest.mark.parametrize("width", [3, 64, 100])
def test_an_embedded_point_is_the_embedding_of_the_point_in_its_place(width):
    x = load(DigitsData(), seed=0).x_train[:50]
    matrix = embed(torch.eye(64, dtype=torch.float64), width, seed=2)
    torch.testing.assert_close(embed(x, width, seed=2), x @ matrix, rtol=0, atol=1e-12)
    assert torch.linalg.matrix_rank(matrix) == min(width, 64)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_points_and_labels_move_together(source, dtype):
    digits = source("digits")
    for _, expected, loaded in digits.identified(load(digits.data, seed=0).to("cpu", dtype), 0):
        assert np.array_equal(expected, loaded)


@functools.cache
def known_digits() -> tuple[torch.Tensor, np.ndarray]:
    """The digits as loaded with seed 0, and their labels as scikit-learn has them."""
    d = load(DigitsData(), seed=0)
    x = torch.cat([d.x_train, d.x_test])
    images, labels = load_digits(return_X_y=True)
    return x, np.asarray(labels)[by_feature(x.numpy(), np.asarray(images))]


def digit_labels(points: torch.Tensor) -> np.ndarray:
    """The labels, read from scikit-learn, of digits (n, 64) loaded with seed 0."""
    x, labels = known_digits()
    distances = torch.cdist(points.double(), x)
    assert float(distances.min(dim=1).values.max()) < 1e-3
    return labels[distances.argmin(dim=1).numpy()]


def unembedded(x: Any, width: int) -> torch.Tensor:
    """The digits (n, 64) of which these are the embeddings in a width of 64 or more."""
    matrix = embed(torch.eye(64, dtype=torch.float64), width, seed=0)
    return torch.linalg.lstsq(matrix.T, torch.as_tensor(x).double().T).solution.T


def test_ode_trains_on_each_point_with_its_label():
    from resnet_limits.studies.ode.networks import data_of, few

    for d in (data_of(Ode()), few(Ode()), data_of(Ode(dtype="float64"), at_most=100)):
        assert np.array_equal(digit_labels(d.x_train), d.y_train)
        assert np.array_equal(digit_labels(d.x_test), d.y_test)


@pytest.mark.parametrize("loss", [None, "square"])
def test_gamma_trains_on_each_point_with_its_label(loss):
    from resnet_limits.studies.gamma.problem import of_the_data
    from resnet_limits.training.loss_with_curvature import CrossEntropy, MeanSquareLoss

    settings = Gamma(data=DigitsData(), width=70, gamma=GammaKeys(train_points=90, loss=loss))
    problem, d = of_the_data(settings)
    labels = digit_labels(unembedded(problem.x, 70))
    assert len(labels) == 90
    if isinstance(problem.loss, MeanSquareLoss):
        assert np.array_equal(problem.loss.targets, np.eye(10)[labels])
    else:
        assert isinstance(problem.loss, CrossEntropy)
        assert np.array_equal(problem.loss.labels, labels)
    assert np.array_equal(digit_labels(d.x_test), d.y_test)


@pytest.mark.parametrize("loss", ["square", "logistic"])
@pytest.mark.parametrize("width", [64, 70])
def test_hamiltonian_moves_each_point_to_the_target_of_its_label(loss, width):
    from resnet_limits.studies.hamiltonian.problem import setup

    keys = HamiltonianKeys(points=90, loss=loss, readout="linear")
    problem: Any = setup(Hamiltonian(data=DigitsData(), width=width, hamiltonian=keys))
    labels = digit_labels(problem.q0[:, :64])
    assert len(labels) == 90
    assert np.array_equal(problem.loss.y.argmax(dim=1).numpy(), labels)
    expected = np.eye(10)[labels] - (0.1 if loss == "square" else 0)
    np.testing.assert_allclose(problem.loss.y.numpy(), expected, atol=1e-15)


def test_two_classes_are_minus_and_plus_one_and_draws_take_points_with_targets(source, monkeypatch):
    from resnet_limits.measurement.job import Job
    from resnet_limits.studies.hamiltonian.meanfield import measure as meanfield

    moons = source("moons")
    keys = HamiltonianKeys(points=300)
    settings = Hamiltonian(data=moons.data, width=3, replicas=2, hamiltonian=keys)
    problem: Any = meanfield.setup(settings)
    _, labels, _ = moons.identified(load(moons.data, seed=0), 0)[0]
    assert np.array_equal(problem.loss.y[:, 0].numpy(), 2 * labels[:300] - 1)
    target_of = {tuple(q.tolist()): float(y) for q, y in zip(problem.q0, problem.loss.y, strict=True)}
    seen = []

    def look(network: Any, *arguments: Any, **options: Any) -> Any:
        pairs = zip(network.q0.tolist(), network.loss.y[:, 0].tolist(), strict=True)
        seen.append([target_of[tuple(q)] == y for q, y in pairs])
        counts = network.loss.weights * meanfield.POINT_COUNTS[0]
        seen.append((counts - counts.round()).abs().max() < 1e-12 and round(float(counts.sum())))
        raise InterruptedError

    plant(monkeypatch, minimise, look)
    with pytest.raises(InterruptedError):
        meanfield.distances_of_draws(Job(settings), settings, problem, np.zeros(3))
    assert seen[1] == meanfield.POINT_COUNTS[0]
    assert all(seen[0])


@pytest.mark.slow
def test_kernels_are_given_each_point_with_its_label(monkeypatch):
    from resnet_limits.studies.kernel.expressivity import measure as expressivity
    from resnet_limits.studies.kernel.inference.measure import task

    settings = Kernel(data=DigitsData(), kernel=KernelKeys(points=80), activation="tanh")
    regression = task(settings)
    assert regression.labels is not None
    np.testing.assert_allclose(regression.y.numpy(), np.eye(10)[digit_labels(regression.x)] - 0.1, atol=1e-15)
    assert np.array_equal(regression.labels.numpy(), digit_labels(regression.new))
    seen = []
    plant(monkeypatch, expressivity.ridge_difference, lambda *arguments: seen.append(arguments) or 0.0)
    expressivity.of_the_limit(settings)
    (_, _, x, targets, _, _) = seen[0]
    assert np.array_equal(targets.argmax(dim=1).numpy(), digit_labels(x))


def test_regression_with_each_kernel_finds_the_test_labels():
    from resnet_limits.measurement.job import Job
    from resnet_limits.studies.kernel.accuracy import measure as accuracy

    settings = Kernel(data=DigitsData(train_size=300, test_size=200), kernel=KernelKeys(deep_points=200))
    records = accuracy.measure(Job(settings)).records
    accuracies = {record.observable: record.value for record in records if record.observable.startswith("accuracy.")}
    assert {"accuracy.nngp", "accuracy.ntk", "accuracy.linear_ridge", "accuracy.deep"} <= {*accuracies}
    assert min(accuracies.values()) > 0.8, accuracies


def test_flow_trains_its_convolutional_networks_on_each_image_with_its_label(monkeypatch):
    from resnet_limits.measurement.job import Job
    from resnet_limits.studies.flow.images import measure as images

    seen = []

    def look(phi: str, start: Any, x: torch.Tensor, y: torch.Tensor, *arguments: Any, **options: Any) -> Any:
        seen.append((x, y))
        raise InterruptedError

    plant(monkeypatch, train_convolutional, look)
    settings = Flow(data=DigitsData(), flow=FlowKeys(images=ImageKeys(points=150)))
    with pytest.raises(InterruptedError):
        images.trained_and_run(Job(settings), 1, 1)
    ((x, y),) = seen
    assert x.shape == (150, 1, 8, 8)
    assert np.array_equal(digit_labels(x.reshape(150, 64)), y)


# -- mini-batches ------------------------------------------------------------------------------------


def numbered(points: int, features: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Points that are told apart by their first coordinate, and a label that follows from it."""
    x = torch.arange(points, dtype=torch.float64)[:, None] * torch.ones(features) / points
    return x, (torch.arange(points) * 7) % 5


def check_batches(seen: list[tuple[torch.Tensor, torch.Tensor]], points: int, epochs: int) -> None:
    """Each epoch sees every point once, each with its label, in an order of its own."""
    x, y = (torch.cat([batch[k] for batch in seen]) for k in (0, 1))
    number = torch.round(x.reshape(len(x), -1)[:, 0] * points).long()
    assert torch.equal(y, (number * 7) % 5)
    orders = number.reshape(epochs, points)
    assert torch.equal(orders.sort(dim=1).values, torch.arange(points).expand(epochs, points))
    assert not torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], torch.arange(points))


def test_mini_batches_take_points_and_labels_together(monkeypatch):
    from resnet_limits.networks import classifier
    from resnet_limits.networks.blocks import field
    from resnet_limits.networks.classifier import accuracy, initial_classifier
    from resnet_limits.training import loop
    from resnet_limits.training.loss_of_replicas import loss

    (x, y), (x_test, y_test) = numbered(23), numbered(8)
    data = Dataset("numbered", x, y, x_test, y_test, 5)
    mlp = field(TwoBlock(hidden=4), "tanh", 2)
    trunk = {name: torch.zeros(1, 2, *shape, dtype=torch.float64) for name, shape in mlp.shapes.items()}
    start = initial_classifier(3, 2, 5, trunk, replicas=1, seed=0, dtype=torch.float64, device=torch.device("cpu"))
    seen, tested, score = [], [], classifier.logits

    def noted(vector_field: Any, step: Any, parameters: Any, points: torch.Tensor, *arguments: Any, **options: Any):
        noted.points = points
        return score(vector_field, step, parameters, points, *arguments, **options)

    def trained_on(scores: torch.Tensor, labels: torch.Tensor):
        (seen if scores.requires_grad else tested).append((noted.points, labels))
        return loss(scores, labels)

    def judged(scores: torch.Tensor, labels: torch.Tensor):
        tested.append((noted.points, labels))
        return accuracy(scores, labels)

    for original, spy in ((classifier.logits, noted), (loss, trained_on), (accuracy, judged)):
        plant(monkeypatch, original, spy)
    recipe = Train(epochs=2, batch_size=6, lr=0.01)
    loop.train(mlp, start, data, recipe, depth=2, h=0.5, seed=1, progress=lambda done, message: None)
    check_batches(seen, 23, epochs=2)
    assert len(tested) == 4
    assert all(torch.equal(points, x_test) and torch.equal(labels, y_test) for points, labels in tested)


def test_mini_batches_of_images_take_images_and_labels_together(monkeypatch):
    from resnet_limits.networks.convolutional import initial_convolutional
    from resnet_limits.training import convolutional

    x, y = numbered(23, 64)
    start = initial_convolutional(
        (1, 8, 8), 2, 5, sets=1, replicas=1, seed=0, dtype=torch.float64, device=torch.device("cpu")
    )
    seen = []

    def noted(phi: str, parameters: Any, images: torch.Tensor, **options: Any):
        noted.images = images
        return logits_of_images(phi, parameters, images, **options)

    def compared(scores: torch.Tensor, labels: torch.Tensor):
        seen.append((noted.images, labels))
        return cross_entropy(scores, labels)

    plant(monkeypatch, logits_of_images, noted)
    plant(monkeypatch, cross_entropy, compared)
    convolutional.train_convolutional(
        "tanh",
        start,
        x.reshape(23, 1, 8, 8),
        y,
        Train(epochs=2, batch_size=6, lr=0.01),
        units=1,
        horizon=1.0,
        seed=1,
        progress=lambda done, message: None,
    )
    check_batches(seen, 23, epochs=2)


# -- a plain classifier ------------------------------------------------------------------------------


MUST = {
    "digits": 0.95,
    "mnist": 0.85,
    "fashion_mnist": 0.99,
    "cifar10": 0.99,
    "image_folder": 0.99,
    "grey_folder": 0.99,
    "photographs": 0.28,
    "moons": 0.98,
    "circles": 0.97,
    "spirals": 0.98,
}
"""The fraction of test points that the seven nearest training points must tell the class of; of the photographs, 1,000
of ten classes, a linear classifier. In files that are written here brightness tells the class."""


def score(name: str, d: Dataset, labels: np.ndarray) -> float:
    """The accuracy at the test points of a plain classifier that was trained with these labels."""
    classifier = RidgeClassifier(alpha=1e4) if name == "photographs" else KNeighborsClassifier(7)
    return float(classifier.fit(d.x_train.numpy(), labels).score(d.x_test.numpy(), d.y_test.numpy()))


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", MUST)
def test_a_plain_classifier_is_as_accurate_as_it_must_be_and_not_with_shuffled_labels(source, name, seed):
    d = load(source(name).data, seed=seed)
    assert score(name, d, d.y_train.numpy()) >= MUST[name]
    assert score(name, d, np.random.default_rng(seed).permutation(d.y_train.numpy())) < MUST[name] - 0.1


@pytest.mark.parametrize("seed", [0, 1])
def test_a_linear_regression_explains_what_it_must_and_nothing_of_shuffled_targets(source, seed):
    d = load(source("gaussian").data, seed=seed)
    x, y, x_test, y_test = (t.numpy() for t in (d.x_train, d.y_train, d.x_test, d.y_test))
    assert Ridge(1e-3).fit(x, y).score(x_test, y_test) >= 0.6
    shuffled = np.random.default_rng(seed).permutation(y)
    assert Ridge(1e-3).fit(x, shuffled).score(x_test, y_test) < 0.1


def test_the_trained_networks_of_ode_find_the_test_labels_and_cannot_with_shuffled_ones(monkeypatch):
    from resnet_limits.measurement.job import Job
    from resnet_limits.studies.ode.networks import data_of
    from resnet_limits.studies.ode.trained import measure as trained

    settings = Ode(depth=8, device="cpu", train=Train(replicas=1), claims=["ode.trained"])

    def accuracy() -> float:
        (last,) = [
            r for r in trained.measure(Job(settings)).records if r.observable == "test_accuracy" and r.step is None
        ]
        return last.value

    assert accuracy() > 0.88
    shuffled = np.random.default_rng(0).permutation(1400)
    plant(monkeypatch, data_of, lambda settings: replace(d := data_of(settings), y_train=d.y_train[shuffled]))
    assert accuracy() < 0.3
