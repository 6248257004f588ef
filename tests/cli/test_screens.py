"""Every screen, compared as text at three widths; in 80 columns no word is broken on any."""

from __future__ import annotations

import difflib
from importlib import import_module

import pytest

from resnet_limits.settings.registry import STUDIES
from resnet_limits.studies import study as studies
from tests.cli.screens import KEPT, SCREENS, WIDTHS, captured, command, screen

columns = import_module("reslim_cli.columns")
SECTIONS = import_module("reslim_cli.studies").SECTIONS
TWO_SCREENS = 80
SHOWN = {
    **SCREENS,
    **{f"studies {name}": command("studies", name) for name in STUDIES},
    **{f"studies {name} {part}": command("studies", name, part) for name in STUDIES for part in SECTIONS},
    "dry_run of what is left out": command("train", "--dry-run", "activation=relu", "depth=8,16"),
    **{f"studies {name}.": command("studies", f"{name}.") for name in STUDIES},
    "doctor": command("doctor"),
    "data": command("data"),
}
"""Every screen that needs no run; `studies ode.` shows all claims of the study, one after another."""


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_is_the_one_that_was_looked_at(name, width):
    kept = (KEPT / f"{name}_{width}.txt").read_text(encoding="utf-8")
    shown = screen(name, width)
    assert shown == kept, "\n".join(difflib.unified_diff(kept.splitlines(), shown.splitlines(), lineterm=""))


def broken(narrow: str, wide: str) -> list[str]:
    """The words of the narrow screen that are none of the wide one, nor a part between places where one may break."""
    allowed = set()
    for word in wide.split():
        pieces = columns.INSIDE.split(word)
        allowed |= {"".join(pieces[i:j]) for i in range(len(pieces)) for j in range(i + 1, len(pieces) + 1)}
    return [word for word in narrow.split() if word not in allowed]


@pytest.mark.parametrize("name", SHOWN)
def test_no_word_is_broken_in_80_columns(name):
    narrow, *wide = (captured(SHOWN[name], width) for width in (80, 120, 1000))
    assert broken(narrow, "".join(wide)) == []


def test_a_broken_word_is_seen():
    assert broken("flow.\nimages suppor\nted", "flow.images supported") == ["suppor", "ted"]


@pytest.mark.parametrize("arguments", [("runs",), ("runs", "latest"), ("report", "latest")], ids=" ".join)
def test_no_word_of_a_run_is_broken_in_80_columns(sweep, tmp_path, monkeypatch, arguments):
    sweep.copy(tmp_path / "outputs")
    monkeypatch.setenv("RESLIM_OUTPUTS", str(tmp_path / "outputs"))
    narrow, wide = (captured(command(*arguments), width) for width in (80, 1000))
    assert broken(narrow, wide) == []


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_fits_two_screens_and_shows_ten_keys_that_it_has(name):
    text = captured(command("studies", name), 120)
    assert len(text.splitlines()) <= TWO_SCREENS
    study = studies.get(name)
    assert len(study.main_keys) == 10
    assert all(f"\n{key} " in text for key in study.main_keys)


def test_a_claim_says_which_options_lie_outside_it_and_by_which_loss_networks_are_trained():
    text = captured(command("studies", "ode.trained"), 300)
    assert "assumes   the theorem needs a field with continuous derivatives; not activation=relu\n" in text
    assert "loss      mean over the points of -log softmax(scores)[label], without a factor; of targets" in text


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_says_by_which_losses_its_groups_are_trained(in_process, name):
    losses = {group.name: group.loss for group in studies.get(name).groups}
    text = captured(command("studies", name), 1000)
    assert [loss for loss in losses.values() if loss not in text] == []
    assert {group["name"]: group["loss"] for group in in_process("studies", name, "--json").json["groups"]} == losses


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("odee",), "unknown study 'odee'; did you mean 'ode'?"),
        (("ode.forward.hen",), "unknown claim 'ode.forward.hen'; did you mean 'ode.forward.heun'?"),
        (("ode.rough", "keys"), "a claim has no sections, got 'keys'; reslim studies ode keys is the study's"),
        (("ode", "kyes"), "unknown section 'kyes'; did you mean 'keys'?"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(in_process, words, said):
    answer = in_process("studies", *words)
    assert answer.code == 2
    assert said in answer.err


@pytest.mark.parametrize("name", STUDIES)
def test_meanings_of_keys_have_no_markup(in_process, name):
    entries = in_process("studies", name, "keys", "--json").done().json
    assert [entry["key"] for entry in entries if "`" in entry["meaning"]] == []
