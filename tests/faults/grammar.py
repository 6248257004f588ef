"""Requests as Hydra's grammar has them, each override with what it means.

A request is drawn from a seed: keys of every study with right and wrong values, options of groups, sweeps written in
every way that the grammar knows, casts, quotes, interpolations, packages, prefixes, Hydra's own keys.
"""

from __future__ import annotations

import fnmatch
import math
import random
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from resnet_limits.settings.keys import Entry, describe
from resnet_limits.settings.registry import FIGURES, STUDIES, groups, options_of

WORD = "RESLIM_TEST_WORD"
"""A variable of the environment that interpolations read."""
GROUPS = tuple(groups())
HYDRA = (
    *("hydra.run.dir=/x", "hydra.sweep.dir=/x", "hydra.sweep.subdir=y", "hydra.mode=RUN", "hydra.output_subdir=null"),
    *("hydra.sweeper.max_batch_size=2", "hydra.sweeper.params.depth=2", "hydra/sweeper=basic", "hydra.verbose=true"),
    *("hydra.job.chdir=true", "hydra.job.name=x", "hydra.searchpath=[/x]", "hydra/job_logging=none", "hydra/output=x"),
    *("hydra/hydra_logging=none", "hydra.callbacks.x._target_=os.system", "hydra/callbacks=x", "hydra/help=default"),
    *("hydra.launcher._target_=os.system", "hydra.launcher.n_jobs=2,4", "hydra={}", "hydra.launcher={n_jobs: 2}"),
    *("hydra.runtime.cwd=/x", "hydra.env=x", "hydra/env=x", "hydra.job_logging.level=1", "hydra/launcher=basic,basic"),
)
NESTED = (
    *(
        "choice(range(1,3),8)",
        "1,range(3,5)",
        "choice(choice(1,2),3)",
        "[range(1,3)]",
        "[choice(1,2)]",
        "{a:choice(1,2)}",
    ),
    *("interval(1,3)", "tag(a,interval(1,3))", "choice()", "range()", "sort()", "range(3,3)", "range(1,9,0)"),
    *("range(8,1e9)", "shuffle(range(1,1e9))", "sort(range(1,1e9),reverse=true)", "tag(a,range(1,1e9))"),
    *("range(1,inf)", "range(nan,1)", "range(1,2,1e-300)", "range(-1e308,1e308)", "range(1,99999999999999999999999)"),
    *("int(range(1,1e9))", "float(range(1,1e9))", "range(1e9,1,-1)", "nofunction(1)", "glob(*)", "int()", "float(a)"),
    *("'unclosed", "1,,2", ",1", "1,", "(1", "1)", "[1", "1]", "{", "}", "a=b=c(", "\\", "a#b", "~x", "a;b", "`a`"),
    *("${", "${}", "${x}", "${oc.env:NO_SUCH_VARIABLE}", "${now:%S}", "${hydra:runtime.cwd}", "${oc.nothing:1}"),
    *("${depth", "$(ls)", "[" * 1500, "int(" * 300, "{a:" * 200, "\x1b[31m", "\n"),
)
"""Values that no number has, and no list of them."""


@dataclass(frozen=True)
class Asked:
    """An override: its key, the values it asks for, or the key whose value it copies; or that it must be refused."""

    line: str
    key: str
    values: tuple[Any, ...] = ()
    copies: str = ""
    refused: bool = False


def normal(value: Any) -> Any:
    """Equal for what is equal: 1 and 1.0, a list and its elements."""
    if isinstance(value, list):
        return tuple(value)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53 else value


def entries(study: str) -> dict[str, Entry]:
    return {entry.key: entry for entry in describe(STUDIES[study](study=study))}


def base(entry: Entry) -> Any:
    """The type of a key's values, without None."""
    return next((kind for kind in typing.get_args(entry.type) if kind is not type(None)), entry.type)


class Requests:
    """Requests drawn one after another from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def draw(self) -> list[Asked]:
        """One request: a study or none, and one to four overrides; swept ones are few and short."""
        choose = self.random.choice
        study = choose([*STUDIES, "ode", "ode"])
        asked = [Asked(f"study={study}", "study", (study,))] if study != "ode" or self.random.random() < 0.3 else []
        makers = [self.fixed] * 10 + [self.swept] * 7 + [self.group] * 3 + [self.wrong] * 5
        makers += [self.copied] * 2 + [self.prefixed, self.of_hydra, self.launcher, self.unknown, self.odd, self.figure]
        for _ in range(self.random.randint(1, 4)):
            asked.append(choose(makers)(study))
        if not any(override.key == "depth" for override in asked):
            asked.insert(0, Asked("depth=4", "depth", (4,)))
        if self.random.random() < 0.1:  # a key that is given again
            asked.append(self.fixed(study, choose([override.key for override in asked])))
        return asked

    # -- values that a key may have ---------------------------------------------------------------

    def value(self, entry: Entry) -> tuple[str, Any]:
        """A text that the grammar has for a right value, and this value."""
        rule, kind, choose = entry.field.metadata, base(entry), self.random.choice
        if type(None) in typing.get_args(entry.type) and self.random.random() < 0.15:
            return choose(["null", "NULL"]), None
        if typing.get_origin(kind) is list:
            if typing.get_args(kind) == (int,):
                return choose([("[1,2]", [1, 2]), ("[ 3 ]", [3]), ("['1',2]", [1, 2])])
            if entry.key == "claims":
                return choose([(f"[{entry.value}]", [entry.value])])
            return choose([("[]", []), ("[tensorboard]", ["tensorboard"]), ('["tensorboard"]', ["tensorboard"])])
        if kind is bool:
            return choose([("true", True), ("FALSE", False), ("bool(0)", False), ("bool('true')", True)])
        if rule["choices"]:
            word = choose(list(rule["choices"]))
            return choose([word, f"'{word}'", f'"{word}"', f"str({word})", f" {word}"]), word
        if kind is int:
            low = int(rule["low"] or 1)
            number = self.random.randint(low, int(min(rule["high"] or low + 40, low + 40)))
            forms = [str(number)] * 4 + [
                f"+{number}",
                f"'{number}'",
                f"int({number})",
                f"int({number}.7)",
                f"int('{number}')",
            ]
            forms += [f"{str(number)[0]}_{str(number)[1:]}"] if number > 9 else []
            return choose(forms), number
        if kind is float:
            return self._float(rule)
        if entry.key == "device":
            return choose(
                [("cpu", "cpu"), ("auto", "auto"), ("'cpu'", "cpu"), ("cuda:1", "cuda:1"), ("cuda\\:0", "cuda:0")]
            )
        texts = [
            ("a", "a"),
            ("a/b.c-d", "a/b.c-d"),
            ("2024_01", "2024_01"),
            ("1e3", "1e3"),
            ("true", "true"),
            ("007", "007"),
        ]
        texts += [
            ("0x10", "0x10"),
            ("-5", "-5"),
            ("'a b'", "a b"),
            ('"a,b=c"', "a,b=c"),
            ("a\\ b", "a b"),
            ("'ä'", "ä"),
        ]
        texts += [
            ('"a\\"b"', 'a"b'),
            ("str(5)", "5"),
            ("str(true)", "true"),
            ("/a/b", "/a/b"),
            ("'null'", "null"),
            ("x" * 900,) * 2,
        ]
        texts += [
            (f"${{oc.env:{WORD}}}", "from_outside"),
            ("a b", "a b"),
            ("1.50", "1.50"),
            ("inf", "inf"),
            ("a:b", "a:b"),
        ]
        if rule["pattern"]:
            texts = [text for text in texts if set(text[1]) <= set("abcdefghijklmnopqrstuvwxyz0123456789_.-")]
        return choose(texts)

    def _float(self, rule: Any) -> tuple[str, float]:
        low = rule["low"] if rule["low"] is not None else rule["above"] if rule["above"] is not None else 0.0
        high = rule["high"] if rule["high"] is not None else rule["below"] if rule["below"] is not None else low + 1
        number = low + (min(high, low + 1) - low) * self.random.choice([0.125, 0.25, 0.5, 0.75])
        number = float(f"{number:.6e}")  # the same however it is written
        forms = [repr(number)] * 3 + [f"{number:.6e}", f"'{number!r}'", f"float({number!r})", f"float('{number!r}')"]
        return self.random.choice(forms), float(number)

    # -- overrides --------------------------------------------------------------------------------

    def _entry(self, study: str, key: str = "") -> Entry:
        keys = entries(study)
        names = [name for name in keys if name not in (*GROUPS, "study", "figure", "preset")]
        entry = keys[key if key in names else self.random.choice(names)]
        if entry.key == "claims":
            return Entry("claims", study, entry.type, entry.field)
        return entry

    def fixed(self, study: str, key: str = "") -> Asked:
        entry = self._entry(study, key)
        text, value = self.value(entry)
        return Asked(f"{entry.key}={text}", entry.key, (value,))

    def swept(self, study: str) -> Asked:
        entry = self._entry(study, self.random.choice(["", "", "depth", "threads", "seed"]))
        kind, content = base(entry), entry.field.metadata.get("content", True)
        if kind in (int, float) and self.random.random() < 0.4:
            text, values = self._range(entry)
        else:
            drawn = [self.value(entry) for _ in range(self.random.randint(2, 3))]
            texts, values = [value[0].strip() for value in drawn], [value[1] for value in drawn]
            if kind is str and not entry.field.metadata["choices"]:  # bare numbers lose how they were typed
                texts = [f"'{value}'" if value is not None else "null" for value in values]
            text = self._joined(texts, values)
        refused = not content and len({normal(value) for value in values}) > 1
        return Asked(f"{entry.key}={text}", entry.key, tuple(values), refused=refused)

    def _joined(self, texts: Sequence[str], values: Sequence[Any]) -> str:
        """A sweep over these texts, in one of the ways of the grammar."""
        listed = ",".join(texts)
        forms = [listed] * 3 + [
            f"choice({listed})",
            ", ".join(texts),
            f"tag(a,choice({listed}))",
            f"tag(b,c,choice({listed}))",
        ]
        is_plain = not any("'" in text or "(" in text or "[" in text or text.lower() == "null" for text in texts)
        if is_plain:
            forms += [f"shuffle({listed})", f"shuffle(choice({listed}))"]
        if is_plain and all(type(value) in (int, float) for value in values):
            forms += [f"sort({listed})", f"sort(choice({listed}),reverse=true)"]
            forms += [f"int({listed})"] if all(isinstance(value, int) for value in values) else [f"float({listed})"]
        return self.random.choice(forms)

    def _range(self, entry: Entry) -> tuple[str, list[Any]]:
        rule = entry.field.metadata
        if base(entry) is int:
            low = int(rule["low"] or 0)
            start, step, count = low + self.random.randint(0, 5), self.random.randint(1, 4), self.random.randint(2, 3)
            values: list[Any] = [start + step * i for i in range(count)]
            stop = values[-1] + self.random.randint(1, step)
        else:
            low = rule["low"] if rule["low"] is not None else rule["above"] if rule["above"] is not None else 0
            start, step = low + 0.125, 0.125
            values = [start + step * i for i in range(self.random.randint(2, 3))]
            stop = values[-1] + 0.0625  # not the next value: whether that is below depends on how 0.1 is rounded
        up = f"range({start},{stop},{step})"
        forms = [
            up,
            up,
            f"range(start={start},stop={stop},step={step})",
            f"sort({up})",
            f"shuffle({up})",
            f"tag(x,{up})",
        ]
        forms += [f"sort({up},reverse=true)"] if math.isclose(stop - step, values[-1]) else []
        below = start - step if isinstance(start, int) else start - step / 2
        forms += [f"range({values[-1]},{below},{-step})"]
        return self.random.choice(forms), values

    def group(self, study: str) -> Asked:
        name = self.random.choice([name for name in entries(study) if name in GROUPS])
        options = list(options_of(name))
        first, second = self.random.sample(options, 2)
        forms = [(first, [first])] * 4 + [(f"'{first}'", [first]), (f"{first},{second}", [first, second])]
        pattern = self.random.choice(["*o*", "s*", "t*"])
        forms += [(f"glob({pattern})", fnmatch.filter(options, pattern))]
        forms += [(f"glob([{first},{second}])", [first, second]), (f"choice({first},{second})", [first, second])]
        text, values = self.random.choice(forms)
        sweeps = text != first and text != f"'{first}'"
        return Asked(f"{name}={text}", name, tuple(values), refused=not values or (sweeps and name == "cluster"))

    def figure(self, study: str) -> Asked:
        name = self.random.choice(list(FIGURES))
        return Asked(f"figure={name}", "figure", (name,))

    def launcher(self, study: str) -> Asked:
        text = self.random.choice(["hydra/launcher=basic", "hydra/launcher=joblib", "hydra/launcher='joblib'"])
        return Asked(text, "hydra/launcher", (text.split("=")[1].strip("'"),))

    def copied(self, study: str) -> Asked:
        keys = entries(study)
        ints = [name for name, entry in keys.items() if base(entry) is int and name != "depth"]
        key = self.random.choice(ints)
        return Asked(f"{key}=${{depth}}", key, copies="depth")

    # -- what is to be refused --------------------------------------------------------------------

    def wrong(self, study: str) -> Asked:
        """A value of the wrong type, out of range, or none at all."""
        entry = self._entry(study)
        rule, kind = entry.field.metadata, base(entry)
        odd = ["[[1]]", "{a:1}", "{}", *NESTED]
        if kind in (int, float):
            odd += [
                "abc",
                "",
                "nan",
                "'a b'",
                "1e400",
                "-1e300",
                "-inf",
                "9" * 400,
                "1,abc",
                "abc,1",
                "0x10",
                "1 2",
            ]
            odd += ["[1]"] if typing.get_origin(entry.type) is not list else []
            odd += ["null"] if type(None) not in typing.get_args(entry.type) else []
            odd += ["1.5", "true", "4.0", "9" * 30] if kind is int else ["'1,5'"]
            odd += [str(rule["low"] - 1)] if rule["low"] is not None else []
            odd += [repr(rule["high"] * 2)] if rule["high"] is not None else []
        elif rule["choices"] and kind is str:
            odd += ["tahn", "''", "1", "[tanh]", f"{next(iter(rule['choices']))},tahn"]
        elif kind is bool:
            odd += ["2", "maybe", "null", "[true]", "1.5"]
        else:  # any text will do for a name, and some of these are texts
            return Asked(f"{entry.key}={self.random.choice(NESTED[:6])}", entry.key, refused=True)
        return Asked(f"{entry.key}={self.random.choice(odd)}", entry.key, refused=True)

    def prefixed(self, study: str) -> Asked:
        override = self.fixed(study)
        before = self.random.choice(["+", "++", "~", "+ ", "--", "@", "%"])
        forms = [
            before + override.line,
            f"~{override.key}",
            override.line.replace("=", "@pkg=", 1),
            override.line.replace("=", "@a:b=", 1),
        ]
        forms += [f"+init@x={self.random.choice(list(options_of('init')))}", "init@init=rough", "block@_global_=one"]
        line = self.random.choice(forms)
        return Asked(line, line.split("=")[0], refused=True)

    def of_hydra(self, study: str) -> Asked:
        line = self.random.choice(HYDRA)
        return Asked(line, line.split("=")[0], refused=True)

    def unknown(self, study: str) -> Asked:
        key = self.random.choice(
            ["dpeth", "sise", "size", "schema", "schema/ode", "suited/data", "ode", "train", "a.b.c"]
        )
        key = self.random.choice(
            [key, key, "k" * 3000, "init/x", "depth.x", "init.nmae", "train.lr.x", "$x", "_x", "init.name"]
        )
        return Asked(f"{key}=1", key, refused=True)

    def odd(self, study: str) -> Asked:
        """No override at all."""
        override = self.fixed(study)
        line = self.random.choice(
            [
                override.key,
                f"{override.key} =4",
                f"{override.key}:4",
                "",
                "=",
                "=4",
                " ",
                "\t",
                "-",
                "a b",
                "ä=4",
                f" {override.line}",
                "'",
            ]
        )
        return Asked(line, line.split("=")[0], refused=True)
