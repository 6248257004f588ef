"""Points of one's own in one file: what is read, what it is taken for, and every way in which it is refused."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from resnet_limits.data import array_file, by_path, identity
from resnet_limits.data.sources.labelled_file import LabelledFileData
from resnet_limits.data.sources.target_file import TargetFileData
from resnet_limits.errors import DamagedData, MissingData, SettingError
from tests.data.own_files import points, write_csv, write_npz, write_safetensors


def test_arrays_are_read_as_they_were_written(tmp_path):
    expected = points()
    for path in (write_npz(tmp_path / "my.npz"), write_safetensors(tmp_path / "my.safetensors")):
        read = array_file.read_arrays(path)._asdict()
        for name, array in expected.items():
            assert np.array_equal(read[name], array), name
        assert array_file.facts(path) == (90, 30, 4, 3, 3)


def test_images_are_flattened_and_targets_without_a_dimension_have_one(tmp_path):
    x = np.arange(2.0 * 3 * 4).reshape(2, 3, 4)
    path = write_npz(
        tmp_path / "my.npz", x_train=x, y_train=np.array([0.5, 1.5]), x_test=x, y_test=np.array([2.0, 3.0])
    )
    read = array_file.read_arrays(path)
    assert read.x_train.tolist() == x.reshape(2, 12).tolist()
    assert read.y_test.tolist() == [[2.0], [3.0]]


def test_a_table_is_split_once_its_last_column_being_the_label_or_the_target(tmp_path):
    path = write_csv(tmp_path / "my.csv")
    read = array_file.read_arrays(path)
    assert array_file.facts(path) == (96, 24, 4, 3, 3)
    rows = np.loadtxt(path, delimiter=",", skiprows=1)
    got = np.concatenate([np.column_stack([read.x_train, read.y_train]), np.column_stack([read.x_test, read.y_test])])
    assert np.array_equal(got[np.lexsort(got.T)], rows[np.lexsort(rows.T)]), "each row once"
    held_out = [int(np.flatnonzero((rows[:, :-1] == x).all(axis=1))[0]) for x in read.x_test]
    assert held_out != sorted(held_out)
    assert max(held_out) - min(held_out) > 80, "from all over the table"
    targets = array_file.read_arrays(write_csv(tmp_path / "targets.csv", targets=True))
    assert targets.y_train.shape == (96, 1)
    assert not targets.labelled


def test_a_path_says_which_source_reads_it_and_where(tmp_path, monkeypatch):
    (tmp_path / "images").mkdir()
    write_csv(tmp_path / "targets.csv", targets=True)
    write_npz(tmp_path / "my.npz")
    monkeypatch.chdir(tmp_path)
    root = str(tmp_path)
    assert by_path.keys_at("images") == {"data": "image_folder", "data.root": root, "data.folder": "images"}
    assert by_path.keys_at("my.npz") == {"data": "labelled_file", "data.root": root, "data.file": "my.npz"}
    assert by_path.keys_at("./targets.csv") == {"data": "target_file", "data.root": root, "data.file": "targets.csv"}
    assert [w for w in ("images", "a/b", "none.npz", "digits", "my") if by_path.is_path(w)] == [
        "images",
        "a/b",
        "none.npz",
    ]


def test_a_file_of_the_other_kind_is_refused_with_the_name_of_its_source(tmp_path):
    write_npz(tmp_path / "my.npz")
    write_npz(tmp_path / "targets.npz", **points(targets=True))
    with pytest.raises(DamagedData, match="holds labels; choose data=labelled_file"):
        TargetFileData(root=str(tmp_path), file="my.npz").available()
    with pytest.raises(DamagedData, match=r"holds targets.*; choose data=target_file"):
        LabelledFileData(root=str(tmp_path), file="targets.npz").available()


def test_a_file_is_named_by_its_root_and_its_name(tmp_path):
    with pytest.raises(MissingData, match="no file is named; data=PATH names one"):
        LabelledFileData(root=str(tmp_path)).path()
    with pytest.raises(SettingError, match=r"data\.file: expected a file relative to data\.root"):
        LabelledFileData(root=str(tmp_path), file="/tmp/my.npz").path()


def test_its_content_tells_it_from_others_and_its_place_does_not(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    here = LabelledFileData(root=str(tmp_path), file="my.npz")
    there = LabelledFileData(root=str(tmp_path / "elsewhere"), file="my.npz")
    write_npz(tmp_path / "my.npz")
    (tmp_path / "elsewhere" / "my.npz").write_bytes((tmp_path / "my.npz").read_bytes())
    assert identity.identity_of(here).digest == identity.identity_of(there).digest
    write_npz(tmp_path / "elsewhere" / "my.npz", **points(90, 31))
    assert identity.identity_of(here).digest != identity.identity_of(there).digest


x, y = points()["x_train"], points()["y_train"]
WRONG = {
    "lacks an array": ({"y_test": None}, "lacks y_test; expected the arrays x_train, y_train, x_test, y_test, got"),
    "more labels than points": ({"y_train": y[:80]}, r"y_train has shape \(80,\); expected \(90,\)"),
    "other features in the test set": ({"x_test": points()["x_test"][:, :3]}, r"\(30, 3\); expected \(n, 4\)"),
    "points in one row": ({"x_train": x[:, 0]}, r"x_train has shape \(90,\); expected \(n, features\)"),
    "labels in a column": ({"y_train": y[:, None]}, r"y_train has shape \(90, 1\); expected \(90,\)"),
    "not a number": ({"x_train": np.where(x > 2, np.nan, x)}, r"x_train holds \d+ values that are no finite numbers"),
    "labels from 1": ({"y_train": y + 1, "y_test": points()["y_test"] + 1}, "labels from 1 to 3.*expected 0 to 2"),
    "labels with a gap": ({"y_train": 2 * y}, "labels from 0 to 4.*expected 0 to 2"),
    "an unseen label": ({"y_test": np.full(30, 3)}, "labels from 0 to 3.*expected 0 to 2, each of them in training"),
    "one label": ({"y_train": 0 * y}, "the training labels are all 0; a classifier needs two classes"),
    "labels here, targets there": ({"y_train": y + 0.5}, "y_train holds float64, y_test int64"),
    "words": ({"y_train": np.array(["cat"] * 90)}, "y_train holds <U3; expected numbers"),
    "no points": ({"x_test": points()["x_test"][:0], "y_test": y[:0]}, r"x_test is empty, of shape \(0, 4\)"),
}


@pytest.mark.parametrize("case", WRONG)
def test_arrays_that_do_not_fit_are_refused_with_what_was_got_and_expected(case, tmp_path):
    arrays, words = WRONG[case]
    with pytest.raises(DamagedData, match=f"my.npz.*{words}"):
        array_file.read_arrays(write_npz(tmp_path / "my.npz", **arrays))


TABLES = {
    "text": ("1,2,0\n3,cat,1\n" + 5 * "1,2,0\n", "line 2: expected numbers with commas between them, got 'cat'"),
    "semicolons": (6 * "1;2;0\n", "line 2: expected numbers with commas between them, got '1;2;0'"),
    "a gap": ("1,2,0\n3,,1\n" + 5 * "1,2,0\n", "line 2: a cell is empty; expected a number in each"),
    "a short row": ("1,2,0\n3,1\n" + 5 * "1,2,0\n", "line 2: 2 columns; expected 3, as above"),
    "one column": (6 * "1\n", "line 1: one column; expected features, and the label or target last"),
    "few rows": ("a,b\n1,0\n", "has 1 rows of numbers; expected 5 or more"),
    "not a number": ("1,nan,0\n" + 5 * "1,2,1\n", "holds 1 values that are no finite numbers"),
    "signs as labels": (5 * "1,2,-1\n1,2,1\n", "labels from -1 to 1.*expected 0 to 1"),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_table_that_does_not_fit_is_refused_by_its_line(case, tmp_path):
    text, words = TABLES[case]
    (tmp_path / "my.csv").write_text(text)
    with pytest.raises(DamagedData, match=f"my.csv.*{words}"):
        array_file.read_arrays(tmp_path / "my.csv")


def test_files_that_are_none_of_these_are_refused(tmp_path):
    with pytest.raises(MissingData, match=r"there is no file or folder .*none\.npz"):
        array_file.read_arrays(tmp_path / "none.npz")
    for name in ("my.npz", "my.csv", "my.safetensors"):
        (tmp_path / name).touch()
        with pytest.raises(DamagedData, match=f"{name} is empty"):
            array_file.read_arrays(tmp_path / name)
        (tmp_path / name).write_bytes(b"\xff\xfe no such file")
        with pytest.raises(DamagedData, match=name):
            array_file.read_arrays(tmp_path / name)
    (tmp_path / "my.h5").write_bytes(b"HDF")
    with pytest.raises(DamagedData, match=r"expected a file \.npz, \.csv, \.safetensors"):
        array_file.read_arrays(tmp_path / "my.h5")


def test_nothing_in_a_file_is_run_and_one_that_was_cut_is_refused(tmp_path):
    pickled = io.BytesIO()
    np.save(pickled, np.array([print], dtype=object), allow_pickle=True)
    path = write_npz(tmp_path / "my.npz", y_test=None)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("y_test.npy", pickled.getvalue())
    with pytest.raises(DamagedData, match=r"my\.npz cannot be read: Object arrays cannot be loaded"):
        array_file.read_arrays(path)
    whole = write_npz(tmp_path / "cut.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[:-200])
    with pytest.raises(DamagedData, match=r"cut\.npz"):
        array_file.read_arrays(tmp_path / "cut.npz")
