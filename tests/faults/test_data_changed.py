"""Data that are not what they were: under another root, edited, swapped between planning and a job, made otherwise."""

from __future__ import annotations

import json
import os
import re
import shutil
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from resnet_limits.data import identity
from resnet_limits.data.loading import forget
from resnet_limits.data.sources.digits import DigitsData
from resnet_limits.data.sources.image_folder import ImageFolderData
from resnet_limits.data.sources.moons import MoonsData
from resnet_limits.report.publish import collect
from resnet_limits.runs import status as states
from resnet_limits.runs.folder import Run
from resnet_limits.runs.job import run_job
from resnet_limits.studies.ode.settings import Ode, OdeKeys

pytestmark = pytest.mark.slow

boxes, plan = (getattr(import_module("reslim_cli.hydra_bridge"), name) for name in ("boxes", "plan"))

TINY = ("preset=smoke", "width=4", "device=cpu", "claims=[ode.reversed.euler]", "ode.inputs=2", "ode.paths=1")
FOLDER = (*TINY, "data=image_folder", "data.size=8", "train.batch_size=4", "depth=4,8")


def write_folder(root, name="images", *, seed=0):
    stream = np.random.default_rng(seed)
    for part in ("train", "test"):
        for label in ("cat", "dog"):
            folder = root / name / part / label
            folder.mkdir(parents=True, exist_ok=True)
            for i in range(4):
                Image.fromarray(stream.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(folder / f"{i}.ppm")
    return root / name


def edit(path):
    """Other pixels, under the same size and time of change."""
    before, content = path.stat(), bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def tiny(depth, data):
    keys = OdeKeys(inputs=2, paths=1)
    return Ode(depth=depth, width=4, device="cpu", claims=["ode.reversed.euler"], data=data, ode=keys)


def jobs_of(answer):
    """Names of planned jobs to whether they are missing, from `--dry-run --json`."""
    assert answer.code == 0, answer.err
    return {job["job"]: job["missing"] for job in json.loads(answer.out)}


def test_two_folders_of_one_name_are_two_sets_of_jobs(in_process, tmp_path):
    for name, seed in (("a", 0), ("b", 1)):
        write_folder(tmp_path / name, seed=seed)
    a, b = (jobs_of(in_process("train", *FOLDER, f"data.root={tmp_path / r}", "--dry-run", "--json")) for r in "ab")
    assert len(a) == len(b) == 2
    assert not a.keys() & b.keys()
    edit(tmp_path / "a" / "images" / "train" / "cat" / "1.ppm")
    edited = jobs_of(in_process("train", *FOLDER, f"data.root={tmp_path / 'a'}", "--dry-run", "--json"))
    assert not a.keys() & edited.keys()


def finished_run(outputs, *request):
    """What `reslim train` makes of a request, in this process."""
    jobs = [job.settings for job in plan(request).jobs]
    run = Run.create(outputs, jobs, request, ["reslim", "train"])
    for settings in jobs:
        run_job(run.path, settings)
    collect(run, figures=False)
    return run


def test_another_root_on_resume_is_the_same_data_or_further_jobs(in_process, tmp_path):
    for name, seed in (("a", 0), ("copy", 0), ("b", 1)):
        write_folder(tmp_path / name, seed=seed)
    run = finished_run(tmp_path / "outputs", *FOLDER, f"data.root={tmp_path / 'a'}")
    ((first, where),) = run.data().items()
    assert where == f"{tmp_path / 'a' / 'images'}, 16 files, 0.0 MB"
    copied = in_process("train", "--resume", "latest", f"data.root={tmp_path / 'copy'}", "--dry-run", "--json")
    assert list(jobs_of(copied).values()) == [False, False], "the same jobs, which are finished"
    assert "others" not in copied.err

    other = in_process("train", "--resume", "latest", f"data.root={tmp_path / 'b'}", "--dry-run", "--json")
    assert list(jobs_of(other).values()) == [True, True]
    said = f"the data under {tmp_path / 'b' / 'images'} are others than the run's"
    assert re.search(rf"{said} \(image_folder-\w+, not {first}\): 2 further jobs, judged apart", other.err)

    edit(tmp_path / "a" / "images" / "train" / "cat" / "1.ppm")
    edited = in_process("train", "--resume", "latest", "--dry-run", "--json")
    assert edited.code == 2, "nobody asked for other data"
    assert f"the data under {tmp_path / 'a' / 'images'} are others than the run's" in edited.err
    assert "Bring those back, or start another run on these" in edited.err


def test_other_data_in_the_same_place_are_not_asked_for_by_naming_the_place_again(in_process, tmp_path):
    """The run would hold jobs that no sweep of its plan makes, and could not be continued."""
    write_folder(tmp_path / "a")
    finished_run(tmp_path / "outputs", *FOLDER, f"data.root={tmp_path / 'a'}")
    edit(tmp_path / "a" / "images" / "train" / "cat" / "1.ppm")
    for again in ((f"data.root={tmp_path / 'a'}",), ()):
        answer = in_process("train", "--resume", "latest", *again)
        assert answer.code == 2
        assert "Bring those back, or start another run on these" in answer.err


def test_a_run_on_two_data_sets_is_continued_with_either_of_them_and_with_none(in_process, tmp_path):
    for name, seed in (("a", 0), ("b", 1)):
        write_folder(tmp_path / name, seed=seed)
    run = finished_run(tmp_path / "outputs", *FOLDER, f"data.root={tmp_path / 'a'}")
    other = in_process("train", "--resume", "latest", f"data.root={tmp_path / 'b'}", "--json")
    assert other.code == 0, other.err
    assert sorted(other.json["jobs"].values()) == ["finished"] * 4
    assert len(run.sweeps()) == 2
    for left in ("a", "b", ""):
        again = in_process("train", "--resume", "latest", "--dry-run", "--json")
        assert list(jobs_of(again).values()) == [False] * 4, again.err
        if left:
            (tmp_path / left).rename(tmp_path / f"{left}-elsewhere")


def test_a_lost_job_whose_data_are_gone_misses_its_data_and_no_version(in_process, tmp_path):
    write_folder(tmp_path / "a")
    run = finished_run(tmp_path / "outputs", *FOLDER, f"data.root={tmp_path / 'a'}")
    shutil.rmtree(run.jobs()[0].path)
    shutil.rmtree(tmp_path / "a")
    answer = in_process("train", "--resume", "latest")
    assert answer.code == 2
    assert f"there is no folder {tmp_path / 'a' / 'images'}" in answer.err


def test_reports_keep_jobs_on_different_data_apart_and_say_so(in_process, tmp_path):
    runs = []
    for name, seed in (("a", 0), ("b", 1)):
        write_folder(tmp_path / name, seed=seed)
        runs.append(finished_run(tmp_path / "outputs", *FOLDER, f"data.root={tmp_path / name}"))
    merged = in_process("report", *(str(run.path) for run in runs), "--out", str(tmp_path / "report"), "--json")
    document = json.loads(merged.out)
    assert len(document["jobs"]) == 4
    settings_ = {claim["setting"]["data.digest"] for claim in document["summary"]["claims"]}
    assert settings_ == {digest for run in runs for digest in run.data()}
    assert "were done on different data, which are judged apart" in merged.err
    page = (tmp_path / "report" / "report.html").read_text()
    for words in (*settings_, str(tmp_path / "b" / "images"), "on different data, which are judged apart"):
        assert words in page
    records = pd.read_csv(tmp_path / "report" / "records.csv")
    together = {digest: rows["value"].tolist() for digest, rows in records.groupby("data.digest")}
    alone = {next(iter(run.data())): pd.read_csv(run.path / "records.csv")["value"].tolist() for run in runs}
    assert together == alone
    assert len({str(values) for values in alone.values()}) == 2


def test_a_finished_run_needs_its_data_no_more(in_process, tmp_path):
    folder = write_folder(tmp_path / "a")
    finished_run(tmp_path / "outputs", *FOLDER, f"data.root={tmp_path / 'a'}")
    folder.rename(tmp_path / "elsewhere")
    assert list(jobs_of(in_process("train", "--resume", "latest", "--dry-run", "--json")).values()) == [False, False]
    further = in_process("train", "--resume", "latest", "depth=16", "--dry-run")
    assert further.code == 2
    assert f"no folder {folder}" in further.err


def test_sweeps_over_data_are_launched_as_exactly_the_planned_jobs(tmp_path):
    """Each launch is a product of values, and the digest belongs to one of them."""
    for name, seed in (("cats", 0), ("dogs", 1), ("copy", 1)):
        write_folder(tmp_path, name, seed=seed)
    for sweep in (["data=image_folder", "data.folder=cats,dogs,copy"], ["data=digits,moons,circles"]):
        planned = plan([*TINY, *sweep, "depth=4,8", *([f"data.root={tmp_path}"] if len(sweep) > 1 else [])])
        launched = [plan(box.overrides) for box in boxes(planned, {job.name for job in planned.jobs})]
        assert len(planned.jobs) == 6
        assert sorted(job.name for box in launched for job in box.jobs) == sorted(job.name for job in planned.jobs)


def test_a_file_that_is_swapped_between_planning_and_the_job_fails_it_by_name(tmp_path):
    folder = write_folder(tmp_path / "a")
    data = ImageFolderData(root=str(tmp_path / "a"), size=8)
    run = Run.create(tmp_path / "outputs", [tiny(4, data)], ["depth=4"], ["reslim"])
    (job,) = run.jobs()
    edit(folder / "train" / "cat" / "1.ppm")
    run_job(run.path, job.settings)
    status = states.read_status(job.path)
    assert status.state == "failed"
    assert "the data under" in status.message
    assert "are not those that the job was planned with" in status.message
    assert [j.name for j in run.jobs()] == [job.name], "no job of another name was made"


def test_a_digest_that_is_given_is_refused_where_other_data_lie(in_process, tmp_path):
    write_folder(tmp_path / "a")
    request = (*FOLDER, f"data.root={tmp_path / 'a'}", "--dry-run")
    (digest,) = set(re.findall(r"data.digest=(image_folder-\w+)", in_process("train", *request).out))
    assert in_process("train", *request, f"data.digest={digest}").code == 0
    refused = in_process("train", *request, "data.digest=image_folder-0123456789")
    assert refused.code == 2
    assert f"data.digest=image_folder-0123456789: the data under {tmp_path / 'a' / 'images'} are others, {digest}" in (
        refused.err
    )


def made(monkeypatch, by):
    """Moons of another scikit-learn: each coordinate off by so much."""
    points = MoonsData.points

    def others(data, seed):
        x, y = points(data, seed)
        return x + by, y

    monkeypatch.setattr(MoonsData, "points", others)


@pytest.mark.parametrize(("by", "state"), [(1e-15, "finished"), (np.array([[0.0, 0.0], [0.1, 0.0]] * 10), "failed")])
def test_another_node_that_generates_other_points_fails_within_rounding_it_does_not(tmp_path, monkeypatch, by, state):
    data = MoonsData(train_size=12, test_size=8)
    jobs = [tiny(depth, data) for depth in (4, 8)]
    run = Run.create(tmp_path, jobs, ["depth=4,8"], ["reslim"])
    forget()
    run_job(run.path, jobs[0])
    forget()
    made(monkeypatch, by)
    run_job(run.path, jobs[1])
    forget()
    first, second = (job.status for job in run.jobs())
    assert (first.state, second.state) == ("finished", state)
    if state == "failed":
        assert "the points generated here are not those of the run's first job" in second.message
        assert "scikit-learn" in second.message


def test_the_identity_of_the_data_stands_in_the_configuration(in_process):
    digest = identity.identity_of(DigitsData()).digest
    answer = in_process("train", *TINY, "depth=4", "--cfg", "job")
    assert f"digest: {digest}" in answer.out
