"""Groups of claims: questions, depths at which they measure, and a study whose groups stand in one file."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import resnet_limits as rl
from resnet_limits.claims.claim import Claim
from resnet_limits.claims.judge import judge
from resnet_limits.measurement.job import Job
from resnet_limits.measurement.record import Measurement
from resnet_limits.paths.fractional import CELLS_OF_GRID
from resnet_limits.report.publish import collect
from resnet_limits.runs.folder import Run
from resnet_limits.runs.job import run_job
from resnet_limits.runs.records import table
from resnet_limits.settings.registry import STUDIES
from resnet_limits.studies import study as studies
from resnet_limits.studies.group import ALL_DEPTHS, Depths, Group
from resnet_limits.studies.hamiltonian.settings import Hamiltonian
from resnet_limits.studies.ode.rough import claims as rough
from resnet_limits.studies.ode.settings import Ode
from resnet_limits.studies.scoreboard import checks
from tests.cli.command import Reslim
from tests.studies import decay
from tests.studies.decay import DEEPEST, STUDY, Decay, DecayKeys

GROUPS = [(name, group) for name in STUDIES for group in studies.get(name).groups]
LONGEST = 90
"""Letters of a question."""
LANDMARKS = "hamiltonian.geodesic.landmarks"


# -- questions and costs --------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "group"), GROUPS, ids=[f"{name}.{group.name}" for name, group in GROUPS])
def test_a_group_asks_one_question_and_says_what_it_costs(name: str, group: Group):
    assert re.fullmatch(r"[A-Z0-9][^?!]*[^?!. ]\?", group.title), "one sentence that ends with a question mark"
    assert len(group.title) <= LONGEST
    assert group.seconds is not None
    assert group.seconds > 0
    assert studies.get(name).group(group.name) is group
    assert all(studies.get(name).group_of(claim.id) is group for claim in group.claims)


def test_no_two_groups_ask_the_same():
    titles = [group.title for _, group in GROUPS] + [studies.get(name).question for name in STUDIES]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_costs_what_its_groups_cost(name: str):
    described = studies.get(name)
    swept = [group for group in described.groups if not group.by_name]
    assert described.seconds == pytest.approx(sum(group.seconds or 0.0 for group in swept))
    assert replace(described, groups=tuple(replace(g, seconds=None) for g in described.groups)).seconds is None


# -- depths ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("depths", "words", "inside", "outside"),
    [
        (Depths(), "all depths", (1, 10**6), ()),
        (Depths(high=32), "depths up to 32", (1, 32), (33,)),
        (Depths(8), "depths from 8", (8, 10**6), (7,)),
        (Depths(8, 32), "depths from 8 to 32", (8, 32), (7, 33)),
    ],
)
def test_depths_are_bounds_in_words(depths: Depths, words: str, inside: tuple[int, ...], outside: tuple[int, ...]):
    assert str(depths) == words
    assert all(depth in depths for depth in inside)
    assert not any(depth in depths for depth in outside)


def test_a_job_outside_the_depths_of_a_group_skips_it_and_records_what_it_would_without_it():
    settings = Decay(depth=2 * DEEPEST)
    assert [group.name for group in STUDY.needed(settings)] == ["euler", "pairs"]
    without = STUDY.measure(Job(replace(settings, claims=["decay.euler", "decay.pairs"])))
    measured = STUDY.measure(Job(settings))
    assert list(table(settings, measured.records)["observable"]) == ["error", "output"]
    assert repr(measured.records) == repr(without.records)
    assert "ratio" in {r.observable for r in STUDY.measure(Job(replace(settings, depth=DEEPEST))).records}


def test_progress_of_a_job_that_skips_a_group_goes_to_the_others():
    seen: list[tuple[float, str]] = []
    STUDY.measure(Job(Decay(depth=64), progress=lambda fraction, message: seen.append((fraction, message))))
    assert seen == [(0.0, "euler"), (0.5, "pairs")]


def test_what_is_skipped_is_known_from_the_settings():
    jobs = [Decay(depth=depth) for depth in (64, 8, 16, 32)]
    assert STUDY.skipped(jobs) == {"shallow": [32, 64]}
    assert STUDY.skipped([replace(job, claims=["decay.euler"]) for job in jobs]) == {}, "it is not asked for"
    assert STUDY.skipped(jobs[1:3]) == {}


def test_a_job_of_skipped_groups_alone_measures_nothing_and_takes_no_gpu():
    settings = Hamiltonian(depth=64, claims=[LANDMARKS], device="cuda")
    study = studies.get("hamiltonian")
    assert study.needed(settings) == []
    assert study.measure(Job(settings)).records == []
    assert study.device(settings) == "cpu"


@pytest.mark.parametrize("name", STUDIES)
def test_every_group_measures_at_four_depths_that_double_and_its_claims_name_its_bounds(name: str):
    study = studies.get(name)
    for group in study.groups:
        assert sum(2**k in group.depths for k in range(2, 12)) >= 4
        assert group.depths == ALL_DEPTHS or all(str(group.depths) in claim.needs for claim in group.claims)


def test_the_rough_path_is_read_at_every_cell_of_its_grid_at_the_deepest_depth():
    assert CELLS_OF_GRID == 2 * rough.MAX_DEPTH_OF_ROUGH
    study, beyond = studies.get("ode"), Ode(depth=rough.MAX_DEPTH_OF_ROUGH + 1, claims=["ode.rough"])
    assert study.needed(beyond) == []
    assert [group.name for group in study.needed(replace(beyond, depth=rough.MAX_DEPTH_OF_ROUGH))] == ["rough"]


def _claim(claim_id: str) -> Claim:
    return next(claim for claim in studies.get("hamiltonian").claims if claim.id == claim_id)


def test_a_claim_whose_group_is_skipped_at_every_depth_is_inconclusive_and_says_why():
    settings = Hamiltonian(depth=64, claims=[LANDMARKS])
    records = table(settings, studies.get("hamiltonian").measure(Job(settings)).records)
    judgement = judge(_claim(LANDMARKS), settings, records, {})
    assert (judgement.verdict, judgement.measured) == ("inconclusive", None)
    assert "depths up to 32" in judgement.why


def test_verify_is_red_for_it_and_says_why():
    study, settings = studies.get("hamiltonian"), Hamiltonian(depth=64, claims=[LANDMARKS])
    asked = study.chosen(settings.claims)
    judged = [judge(claim, settings, table(settings, []), {}) for claim in asked]
    checked = list(checks(study, "full", [({}, asked)], judged))
    assert [check.claim for check in checked] == [LANDMARKS]
    for check in checked:
        assert not check.ok
        assert check.why.startswith("nothing was measured: ")
        assert "depths up to 32" in check.why


# -- a study in one file --------------------------------------------------------------------------


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The study `decay`, as an installed package would bring it."""
    point = EntryPoint("decay", "tests.studies.decay:Decay", "reslim.study")
    monkeypatch.setitem(STUDIES.others, "decay", [point])
    yield
    monkeypatch.undo()
    assert "decay" not in STUDIES


@pytest.mark.usefixtures("installed")
def test_a_study_in_one_file_is_found_where_its_settings_stand():
    assert studies.get("decay") is STUDY
    assert {*STUDIES} > {"decay", "ode"}


def test_a_study_in_one_file_costs_the_command_line_no_numerics():
    program = "import sys, tests.studies.decay; print(*{'numpy', 'torch', 'scipy', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.usefixtures("installed")
def test_its_job_runs_without_a_folder():
    frame = rl.run(Decay(depth=8))
    values = dict(zip(frame["observable"], frame["value"], strict=True))
    assert values["error"] == pytest.approx(math.exp(-1) - (1 - 1 / 8) ** 8)
    assert values["ratio"] == values["output"] == (1 - 1 / 8) ** 8


@pytest.mark.usefixtures("installed")
def test_its_run_is_planned_measured_compared_and_judged(tmp_path: Path):
    jobs = [Decay(depth=depth) for depth in (8, 16, 32, 64, 128)]
    run = Run.create(tmp_path, jobs, [], ["reslim", "train", "study=decay"])
    for job in jobs:
        run_job(run.path, job)
    summary = collect(run, figures=False)
    assert summary["state"] == "finished"
    assert {claim["id"]: claim["verdict"] for claim in summary["claims"]} == {
        "decay.euler": "supported",
        "decay.pairs": "supported",
        "decay.shallow": "supported",
    }
    assert [(group["name"], group["seconds"]) for group in summary["groups"]] == [
        ("euler", None),
        ("pairs", None),
        ("shallow", None),
    ]
    assert [row["depth"] for row in summary["table"] if row["claim"] == "decay.shallow"] == [8, 16]
    assert [row["depth"] for row in summary["table"] if row["claim"] == "decay.pairs"] == [8, 16, 32, 64]


@pytest.mark.usefixtures("installed")
def test_why_it_has_no_number_is_said_where_its_measurement_says_so():
    settings = Decay(depth=8, decay=DecayKeys(start=0.0))
    records = STUDY.measure(Job(settings)).records
    (why,) = [r.coordinates["why"] for r in records if r.observable == "ratio"]
    assert why == "decay.start=0: nothing decays"
    silent = replace(STUDY, groups=(replace(STUDY.groups[0], measure=lambda job: Measurement()),))
    assert silent.measure(Job(settings)).records == []


@pytest.mark.usefixtures("installed")
def test_a_group_in_one_file_without_a_measurement_is_named():
    empty = replace(STUDY, groups=(replace(STUDY.groups[0], measure=None),))
    with pytest.raises(TypeError, match=r"study decay is the module tests.studies.decay: its Group\('euler'\) needs m"):
        empty.measure(Job(Decay(depth=8)))


@pytest.mark.usefixtures("installed")
def test_summaries_name_the_group_of_each_claim(tmp_path: Path):
    run = Run.create(tmp_path, [Decay(depth=8)], [], ["reslim"])
    run_job(run.path, Decay(depth=8))
    summary = collect(run)
    assert {claim["id"]: claim["group"] for claim in summary["claims"]} == {
        f"decay.{name}": name for name in ("euler", "pairs", "shallow")
    }
    page = (run.path / "report.html").read_text(encoding="utf-8")
    text = re.sub(r"<[^>]+>", "", page)
    for group in STUDY.groups:
        heading = text.index(group.title.replace("'", "&#39;"))
        assert heading < text.index(f"{group.claims[0].id} ", heading)
    assert "1 of 3 claims supported" in text


# -- a study of our own in one file ---------------------------------------------------------------

ROOT = Path(__file__).resolve().parents[2]
DEPTHS = """# @package _global_
defaults: [/schema/study/decay, _self_]

hydra:
  sweeper:
    params:
      depth: 4,8,16,32
"""


@pytest.fixture
def with_decay(tmp_path: Path) -> Reslim:
    """The command of a checkout to which two files were added: the study `decay`, and the depths that it proposes."""
    site, ignored = tmp_path / "site", shutil.ignore_patterns("__pycache__")
    for folder, name in (("cli", "reslim_cli"), ("configs", "reslim_configs"), ("resnet_limits", "resnet_limits")):
        shutil.copytree(ROOT / folder, site / name, ignore=ignored)
    shutil.copy(Path(str(decay.__file__)), site / "resnet_limits" / "studies")
    (site / "reslim_configs" / "study" / "decay.yaml").write_text(DEPTHS)
    return Reslim(tmp_path / "outputs", {"PYTHONPATH": str(site)})


@pytest.mark.slow
def test_a_study_is_one_file_among_our_own_and_one_of_its_depths(with_decay: Reslim):
    summary = with_decay("train", "study=decay", "claims=[decay.euler]", "--json").done().json
    assert [row["depth"] for row in summary["table"]] == [4, 8, 16, 32]
    assert {claim["id"]: claim["verdict"] for claim in summary["claims"]} == {"decay.euler": "supported"}
    listed = [entry["name"] for entry in with_decay("studies", "--json").done().json]
    assert listed == sorted([*STUDIES, "decay"]), "the other files beside the studies are none"


def test_a_group_whose_claims_all_lie_outside_is_measured_where_it_is_asked_for_by_name_alone():
    study = studies.get("ode")
    smooth = Ode(study="ode", depth=8)
    kinked = replace(smooth, activation="relu")
    left_out = [group for group in study.needed(smooth) if group not in study.needed(kinked)]
    assert left_out
    for group in study.groups:
        assert (group in left_out) == all(claim.outside(kinked) is not None for claim in group.claims)
    by_name = replace(kinked, claims=[claim.id for claim in left_out[0].claims])
    assert study.needed(by_name) == [left_out[0]]
