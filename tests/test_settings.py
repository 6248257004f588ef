"""Every key: meaning, default, range, and whether it is content; the dataclasses and the YAML say the same."""

from __future__ import annotations

import copy
import dataclasses
import math
import re
import typing
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from resnet_limits.data.sources.digits import DigitsData
from resnet_limits.data.sources.source import Images
from resnet_limits.errors import SettingError
from resnet_limits.settings.base import Settings
from resnet_limits.settings.build import from_mapping
from resnet_limits.settings.checks import check_values
from resnet_limits.settings.content import content, job_name
from resnet_limits.settings.keys import describe, flat, nesting
from resnet_limits.settings.registry import STUDIES, groups
from resnet_limits.studies.ode.settings import Ode

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
NOT_CONTENT = {
    "device",
    "engine",
    "jobs",
    "threads",
    "outputs",
    "train.memory",
    "train.checkpoint_seconds",
    "data.root",
    "figure",
    "sinks",
}


def is_content(key):
    """Whether a key is content: not the few above, nor where jobs run."""
    return key not in NOT_CONTENT and key.split(".")[0] != "cluster"


SUITED = {"width", "train.batch_size", "train.lr", "train.schedule", "train.replicas"}
"""What `configs/suited` brings along with data in files."""


def every_variant():
    """The settings of each study at its defaults, and with each option of each group."""
    for name, study in STUDIES.items():
        yield pytest.param(study(study=name), id=name)
        for group, options in groups().items():
            if group in study.__dataclass_fields__:
                for option, cls in options.items():
                    yield pytest.param(
                        study(**{"study": name, group: cls(name=option)}), id=f"{name}, {group}={option}"
                    )


VARIANTS = list(every_variant())


def changed(settings, key, value):
    """A copy of the settings in which one leaf key has another value."""
    copied = copy.deepcopy(settings)
    at = copied
    *path, last = key.split(".")
    for name in path:
        at = getattr(at, name)
    setattr(at, last, value)
    return copied


def is_option(settings, entry):
    return dataclasses.is_dataclass(getattr(settings, entry.key, None))


def other_value(entry):
    """A valid value that is not the present one."""
    rule, value = entry.field.metadata, entry.value
    if entry.key == "claims":
        return ["ode.forward"]
    if entry.key in ("device", "outputs", "data.root", "data.file"):
        return "cpu"
    if rule["choices"]:
        other = next(choice for choice in rule["choices"] if choice != value)
        return [other] if entry.key == "sinks" else other
    if isinstance(value, bool):
        return not value
    if entry.type is str:
        return f"another {value}"
    if entry.key == "parts":
        return "my_law-0123456789"
    if rule["pattern"]:
        return "another"
    if value is None:
        return within(7.0 if entry.type == typing.Optional[list[float]] else 7, nesting(entry.type))
    if isinstance(value, list):
        return [*value, value[-1] + 1]
    return value + 1 if isinstance(value, int) else value / 2 or 0.5


def within(value, lists):
    """The value in so many lists in each other."""
    return [within(value, lists - 1)] if lists else value


def at_bounds(entry):
    """Values just inside and just outside of the range of a key."""
    rule = entry.field.metadata
    whole = entry.type is not float
    for side, sign in (("low", -1), ("high", 1)):
        if (bound := rule[side]) is not None:
            inside, outside = (
                (int(bound), int(bound) + sign) if whole else (float(bound), math.nextafter(bound, sign * math.inf))
            )
            yield within(inside, nesting(entry.type)), True
            yield within(outside, nesting(entry.type)), False
    for side in ("above", "below"):
        if (bound := rule[side]) is not None:
            yield float(bound), False


@pytest.mark.parametrize("settings", VARIANTS)
def test_every_key_has_a_meaning_and_a_range(settings):
    for entry in describe(settings):
        assert entry.field.metadata["meaning"], entry.key
        if entry.type in (int, float):
            rule = entry.field.metadata
            assert rule["low"] is not None or rule["above"] is not None, f"{entry.key} has no lower bound"
            assert rule["high"] is not None or rule["below"] is not None, f"{entry.key} has no upper bound"


@pytest.mark.parametrize("settings", VARIANTS)
def test_defaults_are_valid_and_survive_a_round_trip_as_plain_values(settings):
    check_values(settings)
    assert from_mapping(dataclasses.asdict(settings)) == settings


@pytest.mark.parametrize("settings", VARIANTS)
def test_the_dataclasses_and_the_yaml_have_the_same_defaults(settings):
    plan = import_module("reslim_cli.hydra_bridge").plan
    chosen = [f"{group}={getattr(settings, group).name}" for group in groups() if hasattr(settings, group)]
    (job,) = plan([f"study={settings.study}", f"depth={settings.depth}", *chosen]).jobs
    brought = {"data.digest"}  # found at planning
    if settings != STUDIES[settings.study](study=settings.study):  # of the defaults every one is the dataclass's
        brought |= SUITED if settings.study == "ode" and isinstance(settings.data, Images) else set()
        brought |= {"init.sigma_w", "init.sigma_b"} if settings.study == "sde" else set()
        brought |= {"init.sigma_b"} if settings.study == "exponents" else set()
        brought |= {"block.hidden"} if settings.study in ("exponents", "flow") else set()
        brought |= (
            {"width", "train.epochs"} if settings.study == "flow" and isinstance(settings.data, DigitsData) else set()
        )
    from_yaml, ours = flat(job.settings), flat(settings)
    assert from_yaml | {key: ours[key] for key in brought & set(ours)} == ours


def test_a_request_that_names_no_study_is_of_the_one_that_the_root_names():
    """What is checked before Hydra composes, and what Hydra composes."""
    plan, asked = (import_module(f"reslim_cli.{name}") for name in ("hydra_bridge", "keys"))
    assert plan.plan(["depth=8"]).study == asked.asked_study(["depth=8"])


def leaves(values, prefix=""):
    """`{"train.lr": 0.1}` of a nested mapping."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


@pytest.mark.parametrize("path", sorted((CONFIGS / "size").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_size_says_nothing_again_that_the_dataclass_says(path):
    study = path.stem.split("_")[0]
    suited = [yaml.safe_load(config.read_text()) for config in CONFIGS.glob(f"suited/*/{study}_*.yaml")]
    others = {key for values in suited for key, _ in leaves(values)}  # which a size may take back
    ours = flat(STUDIES[study](study=study))
    said = dict(leaves({k: v for k, v in yaml.safe_load(path.read_text()).items() if k != "hydra"}))
    assert said
    assert [key for key, value in said.items() if key not in others and ours.get(key) == value] == []


@pytest.mark.parametrize("settings", VARIANTS)
def test_values_at_the_bounds_are_taken_and_those_beyond_are_refused_by_name(settings):
    for entry in describe(settings):
        if is_option(settings, entry):
            continue
        for value, valid in at_bounds(entry):
            changed_settings = changed(settings, entry.key, value)
            if valid:
                check_values(changed_settings)
            else:
                with pytest.raises(SettingError, match=rf"^{entry.key}: expected .*got"):
                    check_values(changed_settings)


@pytest.mark.parametrize("settings", VARIANTS)
def test_values_of_another_type_are_refused_by_name(settings):
    for entry in describe(settings):
        if is_option(settings, entry):
            continue
        wrong = ["a word", True, [1], {"a": 1}, math.nan, math.inf] if entry.type is not str else [1, 1.5, True, ["a"]]
        if entry.type is bool:
            wrong.remove(True)
        if entry.type in (list[int], typing.Optional[list[int]]):
            wrong = [1, ["a word"], [True], [1.5], [[1]], *(value for value in wrong if value != [1])]
        if entry.type == typing.Optional[list[list[int]]]:
            wrong += [[], [[]], [["a word"]], [[True]], [[1.5]], [[0, 0]], [[[1]]]]
        if entry.type in (list[float], typing.Optional[list[float]]):
            wrong = [1, ["a word"], [True], [math.nan], [[1]], *(value for value in wrong if value != [1])]
        optional = type(None) in typing.get_args(entry.type)
        for value in [*wrong, *([] if optional else [None])]:
            if entry.key in ("outputs", "data.root", "data.file") and isinstance(value, str):
                continue
            with pytest.raises(SettingError, match=rf"^{entry.key}: "):
                check_values(changed(settings, entry.key, value))


def test_an_option_may_be_given_by_its_name():
    assert flat(Ode(init="rough"))["init"] == "rough"  # pyright: ignore[reportArgumentType]
    with pytest.raises(SettingError, match=r"^init: unknown option 'ruff'.* Valid: .*rough"):
        Ode(init="ruff")  # pyright: ignore[reportArgumentType]


def test_a_tuple_is_taken_for_a_list():
    settings = Ode(claims=("ode.forward", "ode.rough"))  # pyright: ignore[reportArgumentType]
    assert settings.claims == ["ode.forward", "ode.rough"]
    assert job_name(settings) == job_name(Ode(claims=["ode.forward", "ode.rough"]))


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [("init", 3, "one of Fractional"), ("init", DigitsData(), "one of Fractional"), ("train", 3, "Train()")],
)
def test_keys_that_have_keys_are_refused_what_has_others(key, value, expected):
    with pytest.raises(SettingError, match=rf"^{key}: expected {re.escape(expected)}.*, got "):
        check_values(dataclasses.replace(Ode(), **{key: value}))


def test_a_word_out_of_several_is_refused_with_the_nearest():
    with pytest.raises(SettingError, match=r"activation.*did you mean 'tanh'\?"):
        check_values(Ode(activation="tahn"))
    with pytest.raises(SettingError, match="study"):
        from_mapping({"study": "odd"})
    with pytest.raises(SettingError, match=r"did you mean 'depth'\?"):
        from_mapping({"study": "ode", "dpeth": 4})
    with pytest.raises(SettingError, match=r"init.*did you mean 'smooth'\?"):
        from_mapping({"study": "ode", "init": {"name": "smoth"}})
    with pytest.raises(SettingError, match="hurst"):
        from_mapping({"study": "ode", "init": {"name": "smooth", "hurst": 0.3}})


@pytest.mark.parametrize("device", ["cpu", "cuda", "cuda:0", "cuda:11", "auto"])
def test_devices_that_may_exist_are_taken(device):
    check_values(Ode(device=device))


@pytest.mark.parametrize("device", ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "cpu:0", "cuda:0 "])
def test_devices_that_cannot_exist_are_refused(device):
    with pytest.raises(SettingError, match=r"^device: "):
        check_values(Ode(device=device))


@pytest.mark.parametrize("settings", VARIANTS)
def test_a_job_is_named_by_its_content_and_by_nothing_else(settings):
    name = job_name(settings)
    for entry in describe(settings):
        if is_option(settings, entry) or entry.key == "study":
            continue
        changed_settings = changed(settings, entry.key, other_value(entry))
        check_values(changed_settings)
        if not is_content(entry.key):
            assert job_name(changed_settings) == name, entry.key
            assert content(changed_settings) == content(settings)
        else:
            assert job_name(changed_settings) != name, entry.key
    sparse = {entry.key for entry in describe(settings) if entry.field.metadata["sparse"]}
    assert set(content(settings)) == {key for key in flat(settings) if is_content(key)} - sparse, "none has a value"


def test_every_option_of_a_group_is_another_job():
    for study in STUDIES:
        variants = [v for v in VARIANTS if str(v.id).startswith(f"{study}, ") and "cluster=" not in str(v.id)]
        names = {v.id: job_name(typing.cast(Settings, v.values[0])) for v in variants}
        # Where the default of a group is an option at its own defaults, it is the same job; all others differ.
        whole = job_name(STUDIES[study](study=study))
        others = [name for name in names.values() if name != whole]
        assert len(set(others)) == len(others) >= len(names) - len(groups())


@pytest.mark.parametrize("whole", [1, 3])
def test_a_number_typed_as_integer_or_with_a_point_is_the_same_content(whole):
    typed = from_mapping({"study": "ode", "horizon": whole, "init": {"name": "smooth", "sigma_w": whole}})
    pointed = from_mapping(
        {"study": "ode", "horizon": float(whole), "init": {"name": "smooth", "sigma_w": whole * 1.0}}
    )
    assert job_name(typed) == job_name(pointed)


def test_the_name_of_a_job_begins_with_its_depth():
    assert job_name(Ode(depth=48)).startswith("48-")
    assert job_name(Ode(depth=48)) == job_name(Ode(depth=48))
