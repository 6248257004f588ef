"""`reslim data`, and `reslim train` on data that are missing or damaged, through the installed command."""

from __future__ import annotations

import pytest

from resnet_limits.data.published import Published
from resnet_limits.data.sources.source import Data
from tests.cli.command import TINY
from tests.data.sources import REAL, real

SMALL = (*TINY, "depth=4")


@pytest.fixture
def root(tmp_path, monkeypatch):
    """An empty folder of data sets, and no network behind it."""
    monkeypatch.setenv("RESLIM_DATA", str(tmp_path / "data"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens: refused at once, with a network and without
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "data"


def refused(answer, *words, lines: int = 2):
    assert answer.code == 2, (answer.code, answer.out, answer.err)
    assert "Traceback" not in answer.err
    assert len(answer.err.strip().splitlines()) <= lines, answer.err
    for word in words:
        assert word in answer.err, answer.err


def test_all_data_sets_are_listed_and_those_in_files_are_not_there(reslim, root):
    document = reslim("data", "--json").done().json
    assert document["root"] == str(root)
    assert [entry["name"] for entry in document["data"]] == list(Data.options)
    for entry in document["data"]:
        assert entry["present"] == (entry["source"] != "files")
        assert entry["present"] or (entry["problems"] and entry["advice"])
        assert entry["meaning"]
    (mnist,) = (entry for entry in document["data"] if entry["name"] == "mnist")
    assert [problem.split(" is ")[0] for problem in mnist["problems"]] == [
        file.path for file in Data.options["mnist"].files
    ]
    text = reslim("data").done().out
    assert all(entry["name"] in text for entry in document["data"])
    assert str(root) in text
    assert "reslim data mnist" in text
    assert not root.exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, source in Data.options.items() if issubclass(source, Published)])
def test_without_a_network_the_files_and_their_folder_are_named(reslim, root, name):
    answer = reslim("data", name)
    refused(answer, f"could not download {name}", str((root / Data.options[name].files[0].path).parent))
    assert all(file.path.rsplit("/", 1)[1] in answer.err for file in Data.options[name].files)
    assert answer.out == ""
    assert not root.exists(), "nothing is left behind"


@pytest.mark.parametrize("name", ["digits", "moons", "gaussian"])
def test_there_is_nothing_to_fetch_for_sets_without_files(reslim, root, name):
    assert reslim("data", name, "--json").done().json["present"]
    assert name in reslim("data", name).done().out


def test_a_mistyped_name_is_refused_with_the_nearest(reslim, root):
    refused(reslim("data", "mnsit"), "'mnsit'", "did you mean 'mnist'?", lines=1)


def test_a_folder_of_images_cannot_be_fetched_and_its_layout_is_said(reslim, root):
    refused(reslim("data", "image_folder"), str(root), "train/CLASS/")


@pytest.fixture
def pets(root):
    """A folder of two classes, with files beside its images."""
    from PIL import Image

    for part, n in (("train", 3), ("test", 2)):
        for k, name in enumerate(("cat", "dog")):
            (root / "pets" / part / name / "more").mkdir(parents=True)
            for i in range(n):
                Image.new("L", (4, 4), 60 * k + i).save(root / "pets" / part / name / "more" / f"{i}.gif")
    for i in range(5):
        (root / "pets" / "train" / "dog" / f"{i}.heic").write_bytes(b"")
    return root / "pets"


def test_the_images_of_each_class_and_what_is_not_read_are_shown(in_process, pets):
    (entry,) = (f for f in in_process("data", "--json").done().json["data"] if f["name"] == "image_folder")
    (folder,) = entry["folders"]
    assert entry["present"]
    assert folder["folder"] == "pets"
    assert folder["classes"] == [{"class": name, "train": 3, "test": 2} for name in ("cat", "dog")]
    assert folder["not_read"] == [f"train/dog/{i}.heic" for i in range(5)]
    listed = " ".join(in_process("data").done().out.split())
    assert "data.folder=pets: 6 training and 4 test images of 2 classes; 5 other files are not read" in listed
    alone = in_process("data", "image_folder").done().out.splitlines()
    assert alone[1:4] == ["data.folder=pets: 6 training and 4 test images of 2 classes", "  cat: 3 + 2", "  dog: 3 + 2"]
    assert alone[4].startswith("  not read: 5 .heic; for example train/dog/0.heic; images are .png")


def test_a_folder_that_cannot_be_read_does_not_hide_the_others(in_process, pets):
    (pets.parent / "birds" / "train" / "owl").mkdir(parents=True)
    (pets.parent / "birds" / "test" / "owl").mkdir(parents=True)
    answer = in_process("data", "image_folder").done()
    assert "data.folder=pets" in answer.out
    assert "birds has a single class, 'owl'" in answer.err


@pytest.mark.parametrize("how", [(), ("--json",)])
def test_planning_says_what_a_folder_of_images_holds_and_what_is_not_read(in_process, pets, how):
    overrides = ("preset=smoke", "claims=[ode.trained]", "depth=4", "data=image_folder", "data.folder=pets")
    sizes = ("data.train_size=6", "data.test_size=4", "ode.inputs=2", "train.batch_size=2")
    answer = in_process("train", *overrides, *sizes, "--dry-run", *how).done()
    lines = answer.err.splitlines()
    assert (
        f"reslim: data=image_folder: {pets} holds 6 training and 4 test images of 2 classes; cat 3 + 2, dog 3 + 2"
        in lines
    )
    assert any("warning: data=image_folder: not read: 5 .heic" in line for line in lines)
    assert not how or len(answer.json) == 1


@real("MNIST")
def test_present_data_are_left_alone(reslim, root):
    before = {path: path.stat().st_mtime_ns for path in (REAL / "MNIST").rglob("*")}
    document = reslim("data", "mnist", "--root", str(REAL), "--json").done().json
    assert document["present"]
    assert document["bytes"] == 54950048
    assert document["problems"] == []
    assert {path: path.stat().st_mtime_ns for path in (REAL / "MNIST").rglob("*")} == before


@pytest.mark.slow
@real("MNIST")
def test_a_damaged_file_is_named_by_the_list_and_when_it_cannot_be_fetched_anew(reslim, root):
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for path in (REAL / "MNIST" / "raw").iterdir():
        (raw / path.name).write_bytes(path.read_bytes())
    (raw / "t10k-labels-idx1-ubyte").write_bytes((raw / "t10k-labels-idx1-ubyte").read_bytes()[:-1])
    (mnist,) = (entry for entry in reslim("data", "--json").done().json["data"] if entry["name"] == "mnist")
    assert mnist["problems"] == ["MNIST/raw/t10k-labels-idx1-ubyte is truncated: 10007 of 10008 bytes"]
    answer = reslim("data", "mnist")
    refused(answer, "t10k-labels-idx1-ubyte is truncated", "could not download mnist", lines=3)
    refused(reslim("train", *SMALL, "data=mnist"), "t10k-labels-idx1-ubyte is truncated: 10007 of 10008 bytes")
    assert not reslim.outputs.exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (
            ("data=mnist",),
            ("data=mnist", "train-images-idx3-ubyte", "`reslim data mnist`", "data.root", "$RESLIM_DATA"),
        ),
        (("data=digits,cifar10",), ("data=cifar10", "data_batch_1", "cifar-10-python.tar.gz")),
        (("data=image_folder", "data.folder=pets"), ("there is no folder", "pets", "train/CLASS/")),
        (("data=image_folder", "data.folder=/pets"), ("data.folder", "relative to data.root")),
    ],
)
def test_missing_data_are_refused_before_a_run_exists(reslim, root, overrides, words):
    refused(reslim("train", *SMALL, *overrides), *words)
    refused(reslim("train", *SMALL, *overrides, "--dry-run"), *words)
    assert not reslim.outputs.exists()


@pytest.mark.slow
def test_keys_of_files_exist_with_data_in_files_alone(reslim, root):
    refused(reslim("train", *SMALL, "data.root=/x"), "data.root", "data=mnist")
    refused(reslim("train", *SMALL, "data=mnist", "data.folder=x"), "data.folder", "data=image_folder")
    refused(reslim("train", *SMALL, "data=image_folder", "data.grey=maybe"), "data.grey")


@pytest.mark.slow
def test_a_data_set_brings_width_and_rate_and_the_command_line_has_the_last_word(reslim, root):
    import yaml

    def configuration(*overrides):
        return yaml.safe_load(reslim("train", *overrides, "--cfg", "job").done().out)

    digits, mnist = configuration(), configuration("data=mnist")
    assert (digits["width"], digits["train"]["lr"], digits["train"]["batch_size"]) == (16, 0.5, 140)
    assert mnist["width"] > digits["width"]
    assert mnist["train"]["lr"] < digits["train"]["lr"]
    asked = configuration("data=mnist", "width=5", "train.lr=0.25")
    assert (asked["width"], asked["train"]["lr"]) == (5, 0.25)
    assert asked["train"]["batch_size"] == mnist["train"]["batch_size"]


@pytest.mark.slow
@real("MNIST")
def test_a_run_on_mnist_is_the_same_wherever_its_files_are(reslim, root, monkeypatch):
    reslim("train", *SMALL, "data=mnist", f"data.root={REAL}", "--json").done()
    monkeypatch.setenv("RESLIM_DATA", str(REAL))
    (job,) = (
        reslim("train", "--resume", "latest", *SMALL, "data=mnist", "data.root=null", "--dry-run", "--json").done().json
    )
    assert not job["missing"]


@pytest.mark.slow
@real("MNIST")
def test_a_finished_run_does_not_ask_for_its_data_again(reslim, root):
    reslim("train", *SMALL, "data=mnist", f"data.root={REAL}", "--json").done()
    reslim("train", "--resume", "latest", "data.root=/gone", "--json").done()
    refused(reslim("train", "--resume", "latest", "data.root=/gone", "depth=8"), "/gone")
