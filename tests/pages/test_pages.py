"""Pages are short, point at what exists, and say commands and lines of Python that work."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer.main

from resnet_limits import own
from resnet_limits.data import identity
from resnet_limits.settings import registry
from resnet_limits.settings.registry import STUDIES
from resnet_limits.studies import study as studies
from tests.checkout import HERE
from tests.pages.pages import PAGES, anchors, commands, links, paths, places, python, text
from tests.planting import plant

README, CONTRIBUTING = HERE / "README.md", HERE / "CONTRIBUTING.md"
cli = import_module("reslim_cli.commands")
plan = import_module("reslim_cli.hydra_bridge").plan
in_full = import_module("reslim_cli.overrides").in_full
"""By the names they are installed under, which a type checker of the tree does not know."""

OWN_LAW = "class MyLaw"

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(HERE)))


@pytest.mark.parametrize(("page", "most"), [(README, 9000), (CONTRIBUTING, 7000)], ids=["README", "CONTRIBUTING"])
def test_the_first_pages_are_short(page: Path, most: int):
    assert len(page.read_bytes()) <= most


def test_pictures_are_small():
    pictures = list((HERE / ".github").glob("*.png"))
    assert pictures
    assert [picture.name for picture in pictures if picture.stat().st_size > 150_000] == []
    shown = {(page.parent / path).resolve() for page in PAGES for path, _ in links(page)}
    assert set(pictures) - shown == set()


@each_page
def test_links_lead_somewhere(page: Path):
    for path, anchor in links(page):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"


@each_page
def test_files_that_are_named_exist(page: Path):
    if page.name == "CHANGELOG.md":
        return  # which names what is gone
    assert [target for target in paths(page) if not any((place / target).exists() for place in places(page))] == []


def _context(words: list[str]) -> Any:
    """The command that `reslim WORDS` runs, with its parameters. Raises `click.UsageError`."""
    name, *arguments = words
    return typer.main.get_group(cli.app).commands[name].make_context(name, arguments)


@pytest.fixture
def _own_law(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The current folder has `my_law.py` of the README; whoever named it has it no more after the test."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_law.py").write_text(*(block for block in python(README) if OWN_LAW in block))
    monkeypatch.setenv(own.FILES_VARIABLE, "")
    yield
    monkeypatch.setenv(own.FILES_VARIABLE, "")
    registry.bring()


@pytest.mark.usefixtures("_own_law")
@each_page
def test_commands_of_reslim_are_requests_that_it_takes(page: Path, monkeypatch: pytest.MonkeyPatch):
    plant(monkeypatch, identity.filled, lambda settings, **_: list(settings))  # whatever data this machine has
    for words in commands(page, "reslim"):
        if words[0] == "--version":
            continue
        parameters = _context(words).params
        own.use(parameters.get("parts") or [])
        registry.bring()
        overrides = parameters.get("overrides")
        if overrides and words[0] == "train":
            assert plan(in_full([override for override in overrides if "STUDY" not in override])).jobs


@each_page
def test_modules_that_are_run_exist(page: Path):
    for program in ("python", "python3"):
        for words in commands(page, program):
            if words[0] == "-m":
                assert importlib.util.find_spec(words[1]), words
            else:
                assert (HERE / words[0]).exists(), words


def test_a_command_that_is_none_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    plant(monkeypatch, identity.filled, lambda settings, **_: list(settings))
    page = tmp_path / "page.md"
    for line, error in (("train widht=4", "unknown key"), ("studies --jsn", "No such option")):
        page.write_text(f"Run `reslim {line}`.\n")
        with pytest.raises(Exception, match=error):
            test_commands_of_reslim_are_requests_that_it_takes(page, monkeypatch)


@pytest.mark.parametrize(
    ("page", "block"),
    [
        pytest.param(page, block, id=f"{page.parent.name}-{i}")
        for page in PAGES
        for i, block in enumerate(python(page))
        if OWN_LAW not in block
    ],
)
def test_lines_of_python_run(
    page: Path, block: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RESLIM_OUTPUTS", str(tmp_path_factory.mktemp("outputs")))
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(block, str(page), "exec"), {})
    assert list(tmp_path.iterdir()) == []


def test_the_script_of_a_clean_clone_runs_the_tests_of_the_readme_and_the_slow_ones():
    script = (HERE / ".ci" / "run").read_text().splitlines()
    (command,) = re.findall(r'pip install -e "\.\[dev\]" && (python -m pytest.*)', text(README))
    assert f'{command} -m "not long"' in script
    assert "pip install . && reslim train\n" in text(README)


def test_the_readme_has_a_line_for_each_study_with_its_question_and_claims():
    rows = dict(re.findall(r"^\| \[(\w+)\]\(\S+\) \| (.*) \|$", text(README), flags=re.MULTILINE))
    assert set(rows) == set(STUDIES)
    for name in STUDIES:
        study = studies.get(name)
        assert rows[name].startswith(f"{study.question} | ")
        assert f" | {len(study.claims)} | " in rows[name]
        assert float(rows[name].rpartition(" | ")[2]) == pytest.approx((study.seconds or 0) / 60, abs=0.1), "minutes"
    total = sum(len(studies.get(name).claims) for name in STUDIES)
    assert f"All {total} claims" in text(README)


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_has_a_page(name: str):
    assert (HERE / "resnet_limits" / "studies" / name / "README.md").exists()
