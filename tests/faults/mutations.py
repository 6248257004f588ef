"""Strategies for what people mistype: keys and values of every study, changed lists of overrides, changed texts."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from resnet_limits.settings.keys import describe
from resnet_limits.settings.registry import STUDIES, groups

_OPTIONS = [(group, name, option) for group, options in groups().items() for name, option in options.items()]
KEYS = sorted(
    {
        *(entry.key for name, study in STUDIES.items() for entry in describe(study(study=name))),
        *(f"{group}.{entry.key}" for group, _, option in _OPTIONS for entry in describe(option())),
        *("hydra/launcher", "hydra/sweeper", "hydra.launcher.n_jobs", "hydra.launcher._target_", "hydra.sweep.dir"),
        *("hydra.sweeper.params.depth", "hydra.mode", "hydra.callbacks", "hydra.searchpath", "hydra.verbose", "hydra"),
        *("size", "suited", "schema/ode", "init@x", "ode", "train", "cluster.name", "", "deptth", "block.hiden"),
    }
)
WORDS = sorted({name for _, name, _ in _OPTIONS} | {*STUDIES, "smoke", "tanh", "float32", "adam", "joblib", "basic"})
VALUES = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(
        [
            *(
                "",
                "null",
                "nan",
                "-inf",
                "1e400",
                "true",
                "[]",
                "{}",
                "[1,2]",
                "{a:1}",
                "[a,null]",
                "???",
                "~",
                "~nobody/x",
            ),
            *("${x}", "${oc.env:NOPE}", "${oc.env:HOME}", "${depth}", "${hydra:runtime.cwd}", "${now:%Y}"),
            *(
                "range(1,9,0)",
                "range(8,8)",
                "choice(1,2)",
                "choice()",
                "glob(*)",
                "interval(0,1)",
                "sort(3,1)",
                "int(a)",
            ),
            *(
                "'",
                '"',
                "\\",
                "4",
                "4,8",
                "8,8",
                "0.5",
                "1,a",
                "1_000",
                "0x10",
                "a b",
                "\x1b[31m",
                "ü",
                "\ud800",
                "a\nb",
            ),
            *(
                "[" * 200,
                "[" * 50 + "]" * 50,
                "9" * 400,
                "9" * 5000,
                "/dev/null",
                "[ode.forward]",
                "[wandb]",
                "submitit_slurm",
            ),
        ]
    ),
    st.integers(-(10**25), 10**25).map(str),
    st.floats().map(repr),
    st.text(max_size=6),
)
VALID: tuple[str, ...] = (
    "depth=4,8",
    "width=4",
    "init=rough",
    "init.hurst=0.3",
    "train.lr=0.1,0.2",
    "claims=[ode.forward]",
    "block=two",
)


@st.composite
def changed(draw: st.DrawFn, text: str, most: int = 3) -> str:
    """The text with a few characters inserted, left out, doubled, exchanged, or its end cut off."""
    for _ in range(draw(st.integers(1, most))):
        at = draw(st.integers(0, len(text)))
        kind = draw(st.sampled_from(["insert", "leave out", "double", "exchange", "cut"]))
        if kind == "insert":
            text = text[:at] + draw(st.sampled_from("=,:.[]{}()'\"\\$~+@#-!&*|>%0e\n\t \x00\x1b\udc80ä<")) + text[at:]
        elif kind == "leave out":
            text = text[:at] + text[at + 1 :]
        elif kind == "double":
            text = text[:at] + text[at : at + 20] + text[at:]
        elif kind == "exchange" and at + 1 < len(text):
            text = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        elif kind == "cut" and draw(st.booleans()):
            text = text[:at]
    return text


@st.composite
def overrides(draw: st.DrawFn) -> list[str]:
    """A valid list of overrides, some of them changed, cut, given twice or with another's value, and new ones."""
    lines = draw(st.lists(st.sampled_from(VALID), min_size=1, max_size=3))
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(lines) - 1))
        kind = draw(st.sampled_from(["new", "new", "new", "change", "twice", "another's value", "bare"]))
        if kind == "new":
            sign = draw(st.sampled_from(["="] * 12 + ["==", " = ", ":", ""]))
            before = draw(st.sampled_from([""] * 12 + ["+", "++", "~", "@", " "]))
            lines.append(before + draw(st.sampled_from(KEYS)) + sign + draw(VALUES))
        elif kind == "change":
            lines[at] = draw(changed(lines[at]))
        elif kind == "twice":
            lines.append(lines[at])
        elif kind == "another's value":
            lines[at] = lines[at].split("=")[0] + "=" + draw(st.sampled_from(VALID)).split("=", 1)[1]
        else:
            lines[at] = lines[at].split("=")[0]
    return lines


@st.composite
def command_line(draw: st.DrawFn, commands: Sequence[tuple[str, ...]]) -> list[str]:
    """A command with words put in, changed, or taken away; its first two words stay."""
    first, second, *rest = draw(st.sampled_from(commands))
    odd = [
        "--json",
        "--jsn",
        "--out",
        "--resume",
        "latest",
        "-m",
        "-x",
        "--",
        "--cfg",
        "job",
        "",
        "..",
        "/",
        "--help",
        "*",
    ]
    junk = st.one_of(
        st.sampled_from([*odd, "a" * 5000, "\x1b[2J", "\udcff", "-", "=", "--root", "\n"]), st.text(max_size=5)
    )
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(rest)))
        kind = draw(st.sampled_from(["put in", "put in", "change", "take away"]))
        if kind == "put in":
            rest.insert(at, draw(junk))
        elif rest:
            word = rest.pop(at % len(rest))
            rest += [draw(changed(word))] if kind == "change" else []
    return [first, second, *(word.replace("\0", "") for word in rest)]
