"""Nothing is imported from the folder in which somebody works: not in a clone, nor in a run folder from elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import resnet_limits
from resnet_limits import imports
from resnet_limits.errors import OtherPackage
from resnet_limits.runs.job import run_job
from tests.cli.command import TINY, Reslim
from tests.faults.planted import executed, plant

pytestmark = pytest.mark.slow

EMPTY = {"PYTHONPATH": f"{os.pathsep}/nowhere"}
"""As `PYTHONPATH=$PYTHONPATH:/nowhere` sets it: an empty element is the working folder.

Python itself obeys it before any line of ours: `sitecustomize` in the client, and where `reslim_cli` is looked for.
"""
CUSTOMIZE = ("sitecustomize", "usercustomize")


def test_no_process_of_a_run_imports_from_the_folder_where_it_was_started(tmp_path):
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    mark, work = tmp_path / "mark", tmp_path / "work"
    plant(work, mark, *CUSTOMIZE)
    Reslim(work / "outputs", EMPTY)("train", *TINY, "depth=4", cwd=work).done()
    reslim = Reslim(work / "outputs")
    (run,) = reslim.runs()
    for folder, launcher, depth in ((run, "joblib", 8), (run / "launcher", "submitit_local", 16)):
        plant(folder, mark, "reslim_cli", *CUSTOMIZE)
        answer = reslim(
            "train", "--resume", str(run), f"depth={depth}", f"hydra/launcher={launcher}", cwd=folder
        ).done()
        assert "Traceback" not in answer.err
    client = [line for line in executed(mark) if line.startswith(CUSTOMIZE) and "sys.exit(main())" in line]
    assert [line for line in executed(mark) if line not in client] == []
    document = json.loads((run / "provenance.json").read_text())
    assert {invocation["package"] for invocation in document["invocations"]} == {resnet_limits.__file__}
    assert len(list(run.glob("jobs/*/records.parquet"))) == 3


def test_elements_of_the_path_that_a_user_has_set_stay(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", "/opt/mine", "relative", ".", "/opt/theirs"]))
    variables = imports.environment()
    assert variables["PYTHONPATH"] == os.pathsep.join(["/opt/mine", "/opt/theirs"])
    program = "import sys; print(*sys.path, sep='\\n')"
    paths = subprocess.run([sys.executable, "-c", program], env=variables, cwd=tmp_path, capture_output=True, text=True)
    assert paths.stdout.splitlines()[:2] == ["/opt/mine", "/opt/theirs"]
    assert str(tmp_path) not in paths.stdout.splitlines()
    assert "" not in paths.stdout.splitlines()[:-1]


def test_a_process_with_another_package_measures_nothing_and_says_so(make_run, monkeypatch, tmp_path):
    monkeypatch.setenv(imports.PACKAGE_VARIABLE, "/opt/reslim/resnet_limits/__init__.py")
    with pytest.raises(OtherPackage):
        imports.require_same()
    run = make_run([4])
    (job,) = run.jobs()
    run_job(run.path, job.settings)
    (job,) = run.jobs()
    assert job.status.state == "failed"
    for place in ("/opt/reslim/resnet_limits", str(Path(resnet_limits.__file__).parent)):
        assert place in job.status.message
    assert not (job.path / "records.parquet").exists()


def test_a_launcher_with_another_package_starts_no_job_and_says_so(tmp_path):
    """As where a client in an environment of its own starts a Python that finds another reslim."""
    program = "from reslim_cli.hydra_bridge import launch; launch()"
    variables = {**os.environ, imports.PACKAGE_VARIABLE: "/opt/reslim/resnet_limits/__init__.py"}
    command = [sys.executable, "-P", "-c", program]
    child = subprocess.run(command, env=variables, cwd=tmp_path, capture_output=True, text=True)
    assert child.returncode == 1
    assert "the one that started it from /opt/reslim/resnet_limits" in child.stderr
    assert "Traceback" not in child.stderr
