"""What another distribution brings (`tests/lab/site`: a law of weights, a study, YAML) is used as what is built in is;
what is broken is refused by the name of its distribution, and disturbs nobody else."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.cli.command import Reslim

SITE = Path(__file__).resolve().parents[1] / "lab" / "site"
EXAMPLES = SITE.parents[1] / "examples"
LAB = {"init": ["sine = lab.laws:Sine"], "studies": ["toy = lab.toy.settings:Toy"], "configs": ["lab = lab_configs"]}


def install(site: Path, name: str, entry_points: dict[str, list[str]]) -> None:
    """Make a distribution of this name, version 1.0, out of what lies in a folder."""
    folder = site / f"{name}-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [line for group, points in entry_points.items() for line in (f"[reslim.{group}]", *points)]
    (folder / "entry_points.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture
def site(tmp_path):
    """A folder like site-packages with the distribution `lab`."""
    folder = tmp_path / "site"
    shutil.copytree(SITE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    install(folder, "lab", LAB)
    return folder


@pytest.fixture
def lab(site, tmp_path):
    return Reslim(tmp_path / "outputs", {"PYTHONPATH": str(site)})


ANSWERS = """
import contextlib, io, json, sys
from reslim_cli.app import main
answers = []
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["reslim", *arguments]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as left:
            code = left.code
    answers.append([code or 0, out.getvalue(), err.getvalue()])
print(json.dumps(answers))
"""


def answers(reslim, *requests):
    """Exit code, stdout and stderr of several commands, given one after another in one process."""
    program = [sys.executable, "-P", "-c", ANSWERS, json.dumps(requests)]
    done = subprocess.run(program, env=reslim.environment(), capture_output=True, text=True, timeout=120, check=True)
    return json.loads(done.stdout)


def test_a_study_and_a_law_of_another_distribution_are_listed_planned_and_shown(lab):
    listed, shown, keys, planned, small, law, no_such_key = answers(
        lab,
        ["studies", "--json"],
        ["studies", "toy"],
        ["studies", "toy", "keys"],
        ["train", "study=toy", "--dry-run", "--json"],
        ["train", "study=toy", "preset=smoke", "init.waves=3", "--cfg", "job"],
        ["train", "study=ode", "init=sine", "init.sigma_w=2", "--cfg", "job"],
        ["train", "study=toy", "init.wave=3"],
    )
    assert "toy" in [study["name"] for study in json.loads(listed[1])]
    assert "toy.euler" in shown[1]
    assert "init.waves" in keys[1]
    jobs = json.loads(planned[1])
    assert [job["overrides"][0] for job in jobs] == ["depth=8", "depth=16", "depth=32", "depth=64"], "study/toy.yaml"
    settings = yaml.safe_load(small[1])
    assert settings["init"] == {"name": "sine", "sigma_w": 0.5, "sigma_b": 0.5, "waves": 3}, "as the study has it"
    assert (settings["replicas"], settings["toy"]) == (4, {"start": 2.0}), "size/toy_smoke.yaml"
    assert yaml.safe_load(law[1])["init"] == {"name": "sine", "sigma_w": 2, "sigma_b": 0.5, "waves": 1}
    assert no_such_key[0] == 2
    assert "did you mean 'init.waves'" in no_such_key[2]


@pytest.mark.slow
def test_a_study_of_another_distribution_runs_in_processes_of_its_own(lab):
    summary = lab("train", "study=toy", "preset=smoke", "--json").done().json
    assert summary["state"] == "finished"
    (claim,) = summary["claims"]
    assert (claim["id"], claim["verdict"]) == ("toy.euler", "supported")


def test_a_study_without_yaml_has_one_job_at_its_own_depth(site, lab):
    shutil.rmtree(site / "lab_configs" / "study")
    (answer,) = answers(lab, ["train", "study=toy", "--dry-run", "--json"])
    assert [job["job"].split("-")[0] for job in json.loads(answer[1])] == ["24"]


def test_yaml_comes_before_the_dataclass_and_that_of_reslim_before_all(site, lab):
    folder = site / "lab_configs"
    for group in ("init", "size"):
        (folder / group).mkdir(exist_ok=True)
    (folder / "init" / "sine.yaml").write_text("defaults: [/schema/init/sine@_here_, _self_]\nwaves: 7\n")
    (folder / "init" / "rough.yaml").write_text("defaults: [/schema/init/rough@_here_, _self_]\nhurst: 0.7\n")
    (folder / "size" / "ode_smoke.yaml").write_text("# @package _global_\nwidth: 77\n")
    sine, rough, smoke = answers(
        lab,
        ["train", "init=sine", "init.sigma_b=2", "--cfg", "job"],
        ["train", "init=rough", "--cfg", "job"],
        ["train", "preset=smoke", "--cfg", "job"],
    )
    assert yaml.safe_load(sine[1])["init"] == {"name": "sine", "sigma_w": 1.0, "sigma_b": 2, "waves": 7}
    assert yaml.safe_load(rough[1])["init"]["hurst"] == 0.7
    assert yaml.safe_load(smoke[1])["width"] == 8, "configs/size/ode_smoke.yaml"


def test_what_lies_in_the_working_folder_is_not_installed(site, lab):
    for path in ("", "."):
        here = Reslim(lab.outputs, {"PYTHONPATH": path})
        answer = here("train", "study=toy", "--dry-run", cwd=site)
        assert answer.code == 2
        assert "unknown option 'toy'" in answer.err


EVERY_KIND = {
    "init": ("wave_law = own_law:WaveLaw", "init.waves=2"),
    "activation": ("softsign = own_activation:Softsign", "activation=softsign"),
    "block": ("antisymmetric = own_block:Antisymmetric", "block.friction=0.2"),
    "data": ("chess_board = own_data:ChessBoard", "data.fields=3"),
    "kernel": ("rational = own_kernel:Rational", "hamiltonian.kernel=rational"),
    "loss": ("pseudo_huber = own_loss:PseudoHuber", "hamiltonian.loss=pseudo_huber"),
    "studies": ("decay = own_study:Decay", "study=decay"),
    "figure": ("biases_over_depth = own_figure:BIASES_OVER_DEPTH", "figure=biases_over_depth"),
}


@pytest.mark.slow
def test_a_distribution_brings_every_kind_of_part_by_its_entry_points(site, lab):
    for path in EXAMPLES.glob("own_*.py"):
        shutil.copy(path, site)
    install(site, "parts", {group: [line] for group, (line, _) in EVERY_KIND.items()})
    requests = []
    for group, (line, words) in EVERY_KIND.items():
        name = line.split(" ")[0]
        chosen = [] if group in ("kernel", "loss", "studies", "figure") else [f"{group}={name}"]
        study = ["study=hamiltonian"] if group in ("kernel", "loss") else []
        requests.append(["train", *study, *chosen, *({words} - set(chosen)), "depth=4", "--cfg", "job"])
    for (group, (line, words)), answer in zip(EVERY_KIND.items(), answers(lab, *requests), strict=True):
        assert answer[0] == 0, answer[2]
        settings = yaml.safe_load(answer[1])
        assert line.split(" ")[0] in str(settings), group
        assert settings["parts"] is None, "what is installed has a version, and no digest"
        assert words.split("=")[1] in str(settings)


BROKEN = {
    "gone": ("gone = lab.nothing:Gone", "No module named 'lab.nothing'"),
    "absent": ("absent = lab.laws:Absent", "Absent"),
    "raises": ("raises = lab.raises:Raises", "ZeroDivisionError"),
    "wordless": ("wordless = lab laws", "lab laws"),
    "function": ("function = lab.odd:function", "none of the group init"),
    "plain": ("plain = lab.odd:Plain", "none of the group init"),
    "open": ("open = lab.odd:Open", "without a default: size"),
    "other": ("other = lab.laws:Sine", "calls itself 'sine'"),
    "rough": ("rough = lab.laws:Sine", "reslim has one of its own"),
}
ODD = """
from dataclasses import dataclass
from resnet_limits.paths.laws.law import Init
from resnet_limits.settings.keys import fixed

def function():
    pass

@dataclass
class Plain:
    name: str = fixed("plain", "of no group")

@dataclass(kw_only=True)
class Open(Init):
    name: str = fixed("open", "a key without a default")
    size: float
"""


@pytest.mark.slow
def test_what_is_broken_is_refused_by_the_name_of_its_distribution_and_disturbs_nobody_else(site, lab):
    (site / "lab" / "raises.py").write_text("1 / 0\n")
    (site / "lab" / "odd.py").write_text(ODD)
    init = [line for line, _ in BROKEN.values()]
    install(site, "worse", {"init": init, "configs": ["worse = lab.none"], "sinks": ["gone = lab.nothing:open_in"]})
    install(site, "again", {"studies": ["toy = lab.toy.settings:Toy"], "data": ["gone = lab.nothing:Gone"]})
    sound, sine, study, data, listed, data_sets, doctor, *refused = answers(
        lab,
        ["train", "init=smooth", "depth=8", "--dry-run"],
        ["train", "init=sine", "depth=8", "--dry-run"],
        ["train", "study=toy"],
        ["train", "data=gone"],
        ["studies", "--json"],
        ["data", "--json"],
        ["doctor", "--json"],
        *(["train", f"init={name}"] for name in BROKEN),
        ["train", "sinks=[gone]"],
    )
    assert (sound[0], sine[0]) == (0, 0)
    assert "lab.none" in sound[2], "who has no YAML is told once, and goes on"
    assert "1 of 1 jobs of study ode would run" in sound[1]
    for answer, words in (
        (study, "study=toy is a name of the distribution again 1.0 and of the distribution lab 1.0"),
        (data, "data=gone: lab.nothing:Gone of the distribution again 1.0 cannot be imported: ModuleNotFoundError"),
        *zip(refused, [*(words for _, words in BROKEN.values()), "sinks=gone"], strict=True),
    ):
        assert (answer[0], answer[1]) == (2, "")
        assert len(answer[2].splitlines()) == 1
        assert words in answer[2]
        assert "worse 1.0" in answer[2] or answer in (study, data)
    assert "toy" not in [entry["name"] for entry in json.loads(listed[1])]
    assert "study=toy is a name of" in listed[2]
    assert {"digits", "mnist"} <= {entry["name"] for entry in json.loads(data_sets[1])["data"]}
    assert "data=gone: lab.nothing:Gone of the distribution again 1.0 cannot be imported" in data_sets[2]
    assert "data" in [entry["what"] for entry in json.loads(doctor[1])]
