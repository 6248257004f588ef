"""Overrides as reslim reads them: what of Hydra's grammar is open to a request, and the points of its sweep.

    KEY=VALUE                        a word, a number, null, a list, a text in quotes, ${another.key}
    KEY=A,B                          a sweep; as choice(A,B), range(START,STOP,STEP), sort(...), shuffle(...)
    GROUP=glob(PATTERN)              a sweep over the options of a group
    hydra/launcher=NAME, hydra.launcher.KEY=VALUE

and, before Hydra sees it (`in_full`), what is typed with less:

    claims=ID,ID                     a list of names, as of every key that is one, and no sweep: [ID],[ID] is that, and
    data.x=0.4,-1e-3                 a shell may take brackets away; so of a key that is a list of numbers. The study,
                                     if none is named, is the one that all of these claims name before the first dot
    depth=8..512                     a ladder of an integer key: 8, 16, 32, ..., 512, each the double of the one before
    lr=0.1, activation=silu          a key by the short form, and a value by the further name, that each declares
    data=my.npz, data=my/images      what lies at a path, in place of a name: the source of it, and where it is
    outputs=/tmp/my runs=1 (ä)       a text, in quotes where Hydra could not read it: with = or brackets, say; commas
                                     separate the values of a sweep, where the key may be swept

Of several overrides of a key the last one holds. Whatever Hydra would accept and then not do, or do otherwise than it
reads, is refused here, by the name of its key, before anything is composed; so is a sweep of too many jobs, counted
and not listed.
"""

from __future__ import annotations

import itertools
import math
import os
import re
import typing
from collections.abc import Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    Override,
    OverrideType,
    Quote,
    QuotedString,
    RangeSweep,
    Sweep,
)
from hydra.errors import HydraException

from resnet_limits.errors import SettingError, one_of
from resnet_limits.settings.keys import Entry
from resnet_limits.settings.registry import Registry

from .keys import asked_study, declared, full_key, kind_for, names_for, require_key, studies_of_claims
from .launchers import LAUNCHERS, named

MAX_JOBS = 10_000
OF_VALUES = (ValueError, AssertionError, TypeError, ArithmeticError, RecursionError)
"""What Hydra and OmegaConf let through where a value has a shape that they do not expect."""
NAMES = re.compile(r"[\w.*+-]+(\s*,\s*[\w.*+-]+)*")
"""Names with commas between them; numbers are some."""
WORD = re.compile(r"[^\W\d]\w*")
PLAIN = re.compile(r"[\w./:@+-]*", re.ASCII)
"""A text that Hydra reads as it is."""
OPEN_LADDER = re.compile(r"\d{1,20}\.\.|\.\.\d{1,20}")
LADDER = re.compile(r"(?<![\w.+-])(\d{1,20})\.\.(\d{1,20})(?![\w.])")
NESTED = "a sweep inside a value or inside another sweep is none; list the values themselves"
HYDRA_IS = "of Hydra only hydra/launcher=NAME and hydra.launcher.KEY=VALUE are open"
INSTEAD = {
    "run": "outputs=FOLDER says where runs live",
    "sweep": "outputs=FOLDER says where runs live",
    "output_subdir": "outputs=FOLDER says where runs live",
    "sweeper": "a sweep is KEY=VALUE,VALUE",
    "mode": "every run is a sweep, also of one job",
}
"""What does what these keys of Hydra would."""
ELSEWHERE = re.compile(r"\$\{\s*(now|hydra)\s*:")
"""Interpolations that the job would read otherwise than the plan does."""


# -- what is typed with less ----------------------------------------------------------------------


def in_full(lines: Sequence[str]) -> list[str]:
    """The overrides of a request as Hydra reads them: with the names of keys and values in full, and with the study.
    Raises `SettingError` where claims of several studies are asked for, and none is named."""
    study = asked_study(lines)
    full = [_in_full(typed, study) for line in lines for typed in _by_path(line, lines, study)]
    if any(line.startswith(("study=", "figure=")) for line in lines):  # a figure has a study of its own
        return full
    if len(several := studies_of_claims(lines)) > 1:
        raise SettingError(
            f"claims: they are of the studies {', '.join(several)}; a run has one: start one run for each"
        )
    return full if study == asked_study(()) else [f"study={study}", *full]


def _in_full(line: str, study: str) -> str:
    typed, sign, value = line.partition("=")
    entry = declared(key := full_key(typed, study), study) if sign else None
    if entry is None:
        return line
    if isinstance(choices := entry.field.metadata.get("choices"), Registry):
        value = WORD.sub(lambda word: choices.meant(word[0]), value)
    if int in (entry.type, *typing.get_args(entry.type)):
        if any(OPEN_LADDER.fullmatch(rung.strip()) for rung in value.split(",")):
            raise SettingError(f"{key}={value}: a ladder doubles from a first to a last value, such as {key}=8..64")
        value = LADDER.sub(lambda ends: _ladder(key, int(ends[1]), int(ends[2])), value)
    if (
        {list[str], list[float]} & {entry.type, *typing.get_args(entry.type)}
        and NAMES.fullmatch(value)
        and "null" not in value.split(",")
    ):
        value = f"[{value}]"
    if _is_text(entry):
        value = _readable(key, value, entry.field.metadata["content"])
    return f"{key}={value}"


def _by_path(line: str, lines: Sequence[str], study: str) -> list[str]:
    """The overrides that `data=my.npz` stands for; of any other line itself. Raises `SettingError` for a path among
    other values, or beside a key that says where the data are, and as the source does for what lies there."""
    key, _, value = line.partition("=")
    kind = kind_for(key, study)
    if kind is None:
        return [line]
    word = value.strip("'\"") if value[:1] in ("'", '"') else value
    several = re.split(r"\s*,\s*", word)
    if len(several) > 1 and any(map(kind.is_path, several)) and not os.path.exists(word):
        raise SettingError(f"{key}: a path stands alone, got '{value}'; start one run for each")
    if word in kind.options or not kind.is_path(word):
        return [line]
    keys = kind.at(word)
    typed = {full_key(other.partition("=")[0], study): other for other in lines if other != line}
    if twice := next((typed[name] for name in keys if name in typed), None):
        raise SettingError(f"{line}: it says where the data are, and so does {twice}; leave one of them out")
    return [f"{name}={text if name == key else quoted(text)}" for name, text in keys.items()]


def _is_text(entry: Entry) -> bool:
    """Whether any text may be a value of the key."""
    is_word = str in (entry.type, *typing.get_args(entry.type))
    return is_word and not entry.field.metadata["choices"] and not entry.field.metadata["pattern"]


def _readable(key: str, value: str, may_be_swept: bool) -> str:
    """A text as it is where Hydra reads a text, or a sweep, and else in quotes."""
    if PLAIN.fullmatch(value) or value[:1] in ("'", '"'):
        return value
    try:
        read_value = OverridesParser.create().parse_override(f"{key}={value}")._value
    except (HydraException, *OF_VALUES):
        return ",".join(quoted(word.strip()) for word in (value.split(",") if may_be_swept else [value]))
    return quoted(value) if isinstance(read_value, (list, dict)) else value


def quoted(text: str) -> str:
    """A text as Hydra reads it, whatever signs are in it."""
    return QuotedString(text, Quote.single).with_quotes()


def _ladder(key: str, first: int, last: int) -> str:
    """`8,16,32,64` for 8 and 64. Raises `SettingError` where doubling the first does not lead to the last."""
    rungs = [first]
    while 0 < rungs[-1] < last:
        rungs.append(2 * rungs[-1])
    if rungs[-1] == last and len(rungs) > 1:
        return ",".join(map(str, rungs))
    if first == last and first > 0:
        raise SettingError(f"{key}={first}..{last}: a ladder has two ends; {key}={first} is one value")
    if first == 0 or last < first:
        raise SettingError(f"{key}={first}..{last}: a ladder doubles, from a first value above 0 to a larger last one")
    around = f"; {rungs[-2]} and {rungs[-1]} are" if len(rungs) > 1 else ""
    raise SettingError(f"{key}={first}..{last}: a ladder doubles, and {last} is no doubling of {first}{around}")


# -- reading --------------------------------------------------------------------------------------


def read(lines: Sequence[str], loader: ConfigLoader) -> list[Override]:
    """The overrides of a request, each checked by itself. Raises `SettingError`."""
    parser, study = OverridesParser.create(loader), asked_study(lines)
    overrides = [_read(parser, line) for line in lines]
    for override in overrides:
        _check_key(override, lines)
        _check_value(override, names_for(override.key_or_group, study))
        _keep_words(parser, override, study)
    return overrides


def _read(parser: OverridesParser, line: str) -> Override:
    try:
        override = parser.parse_override(line)
    except (HydraException, *OF_VALUES) as error:
        if why := re.search(r"while evaluating '(.*)': (.*)", str(error)):
            reason = f"{why[1]}: {why[2]}"
            if "Sweep is incompatible" in why[2] or "nesting" in why[2]:
                reason = NESTED
            elif "NoneType is incompatible" in why[2]:
                reason = "null cannot stand inside of (); write KEY=VALUE,null"
            raise SettingError(f"cannot read '{line}': {reason}") from None
        hint = "an override is KEY=VALUE, and a sweep is KEY=VALUE,VALUE"
        if "=~" in line:
            hint = "some shells leave ~ as it is: write $HOME"
        raise SettingError(f"cannot read '{line}'; {hint}") from None
    override.config_loader = parser.config_loader
    return override


def _check_key(override: Override, lines: Sequence[str]) -> None:
    key, line = override.key_or_group, override.input_line
    if override.type is not OverrideType.CHANGE or override.package is not None or not key:
        raise SettingError(f"cannot read '{line}'; an override is KEY=VALUE, without + or ~ or @")
    if re.split(r"[./]", key)[0] == "hydra":
        _check_hydra(key)
        return
    require_key(key, lines)


def _check_hydra(key: str) -> None:
    if key == "hydra/launcher" or re.fullmatch(r"hydra\.launcher\.[a-z]\w*(\..+)?", key):
        return
    part = [*re.split(r"[./]", key), ""][1]
    instead = f"{INSTEAD[part]}; " if part in INSTEAD else ""
    raise SettingError(f"{key}: reslim sees to this itself; {instead}{HYDRA_IS}")


def check_launcher_keys(overrides: Sequence[Override], launcher: str) -> None:
    """Refuse keys that the launcher does not heed."""
    open_keys = named(launcher).open_keys
    if open_keys is None:
        return
    for override in overrides:
        name = override.key_or_group.removeprefix("hydra.launcher.")
        if name == override.key_or_group or name.split(".")[0] in open_keys:
            continue
        if open_keys:
            raise SettingError(f"hydra.launcher: the launcher {launcher} has no open key {one_of(name, open_keys)}")
        others = [other for other, facts in LAUNCHERS.items() if name in (facts.open_keys or ())]
        hint = f"; it exists with hydra/launcher={' or '.join(others)}" if others else ""
        raise SettingError(f"hydra.launcher.{name}: the launcher {launcher} has no keys{hint}")


def _check_value(override: Override, names: Collection[str]) -> None:
    """Refuse a sweep where one value is needed, and a sweep inside a value. `names` are those of which the key takes
    one, if it does."""
    key, value = override.key_or_group, override._value
    if override.is_sweep_override():
        words = {
            "study": "a run has one study; start one run for each",
            "figure": "a run has one named figure; start one run for each",
            "cluster": f"the jobs of a sweep run in one place; got '{override.input_line}'",
            "hydra/launcher": f"the jobs of a sweep run in one place; got '{override.input_line}'",
        }
        if key in words:
            raise SettingError(f"{key}: {words[key]}")
        if key.startswith("hydra"):
            raise SettingError(no_content(key))
        if override.is_interval_sweep():
            raise SettingError(f"{key}: an interval has no list of values; give range(START,STOP,STEP)")
        if isinstance(value, Glob) and not names:
            raise SettingError(f"{key}: glob chooses among the options of a group, and {key} is none; list the values")
    values: list[Any] = value.list if isinstance(value, ChoiceSweep) else [value]
    if (names or key == "hydra/launcher") and not isinstance(value, Glob) and not all(map(_is_name, values)):
        one = f"one name of {', '.join(names)}" if names else "one name"
        raise SettingError(f"{key}: expected {one}, got '{override.get_value_string()}'")
    if isinstance(value, (ChoiceSweep, list, dict)) and any(map(_holds_sweep, values)):
        raise SettingError(f"{key}: {NESTED}")
    if resolver := ELSEWHERE.search(override.input_line or ""):
        raise SettingError(f"{key}: ${{{resolver[1]}:...}} is not the same wherever it is read; write the value itself")


def _is_name(value: Any) -> bool:
    return isinstance(value, (str, QuotedString)) and "${" not in getattr(value, "text", str(value))


def no_content(key: str) -> str:
    return f"{key}: no content of a job, so it cannot be swept; give one value"


def _holds_sweep(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_sweep, value.values()))
    if isinstance(value, list):
        return any(map(_holds_sweep, value))
    return isinstance(value, (Sweep, Glob))


def _keep_words(parser: OverridesParser, override: Override, study: str) -> None:
    """The value of a key that is a text stays as it was typed: Hydra reads the folder 2024_01 as the number 202401."""
    key = override.key_or_group
    entry = declared(key, study)
    if entry is None or str not in (entry.type, *typing.get_args(entry.type)) or names_for(key, study):
        return
    value: Any = override._value
    if isinstance(value, ChoiceSweep):
        if any(isinstance(element, (int, float)) for element in value.list):
            raise SettingError(
                f"{entry.key}: put quotes around words that look like numbers, got '{override.input_line}'"
            )
        value.list = [_kept(parser, entry.key, element) for element in value.list]
        return
    if isinstance(value, (int, float)):
        typed = override.get_value_string().strip()
        override._value = QuotedString(_text(value) if "(" in typed else typed, Quote.single)
    else:
        override._value = _kept(parser, entry.key, value)


def _kept(parser: OverridesParser, key: str, value: Any) -> Any:
    """A word in quotes where it would be read as something else; choice(...) takes the quotes away."""
    if isinstance(value, str) and _read(parser, f"{key}={_text(value)}").value() != value:
        return QuotedString(value, Quote.single)
    return value


def _text(value: Any) -> str:
    return Override._get_value_element_as_str(value)


# -- the points of a sweep ------------------------------------------------------------------------


def points(overrides: Sequence[Override]) -> Iterator[tuple[str, ...]]:
    """The points of a sweep, each with one override a key as the sweeper would hand it on; at most `MAX_JOBS`."""
    last = {override.key_or_group: override for override in overrides}
    count = 1
    for key, override in last.items():
        count *= _count(override)
        if count == 0:
            raise SettingError(f"{key}: the sweep is empty")
        if count > MAX_JOBS:
            raise SettingError(f"{key}: the sweep has more than {MAX_JOBS} jobs")
    return itertools.product(*([f"{key}={value}" for value in values_of(override)] for key, override in last.items()))


def values_of(override: Override) -> Iterator[str]:
    """The values of an override as the sweeper would hand them on."""
    if override.is_sweep_override():
        return override.sweep_string_iterator()
    return iter([override.get_value_element_as_str()])


def _count(override: Override) -> int:
    """How many values an override has, without listing those of a range."""
    value = override._value
    if isinstance(value, ChoiceSweep):
        return len(value.list)
    if not isinstance(value, RangeSweep):
        return len(list(values_of(override)))
    ends = (value.start, value.stop, value.step)
    if not all(isinstance(end, (int, float)) and math.isfinite(end) for end in ends) or not value.step:
        numbers = ",".join(map(str, ends))
        raise SettingError(f"{override.key_or_group}: a range needs finite numbers and a step, got range({numbers})")
    start, stop, step = (Fraction(end) for end in ends)  # type: ignore[arg-type]
    return max(0, math.ceil((stop - start) / step))


def given_twice(lines: Sequence[str]) -> list[str]:
    """The overrides that a later one of the same key, and of another value, replaces."""
    last = {line.partition("=")[0]: line for line in lines}
    return [line for line in lines if last[line.partition("=")[0]] != line]
