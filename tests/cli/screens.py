"""Every screen as text, of fixed data and of what is declared; some are kept in `tests/cli/screens/`.

python -m tests.cli.screens      writes them anew, for eyes to compare
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

from resnet_limits.report.outcome import next_step
from resnet_limits.runs.folder import Run

display = import_module("reslim_cli.display")
verify = import_module("reslim_cli.verify")
app = import_module("reslim_cli.commands").app

KEPT = Path(__file__).parent / "screens"
WIDTHS = (80, 120, 160)
SETTING = {"train.lr": 0.1}
OTHER = {"train.lr": 0.5}
GROUPS = [
    {"name": "forward", "title": "Do networks with given weights converge to an ODE, at the order of their scheme?"},
    {"name": "averaged", "title": "Do networks with independent weights and factor 1/L converge to an averaged ODE?"},
    {"name": "images", "title": "Do convolutional networks with shared weights converge to a flow when refined?"},
    {"name": "trained", "title": "Do trained weights become a smooth function of depth if all layers start alike?"},
]
KINKED = "the setting lies outside the claim: activation=relu: the theorem needs a field with continuous derivatives"
WIDER = "the order lies in [0.116, 0.835], which is wider than 0.5 ± 0.15"
OUTSIDE = "the value at L=64 lies in [0.412, 0.433], outside at most 0.07 + 0.03"


def claim(
    name: str, group: str, statement: str, expected: dict[str, Any], measured: tuple[float, ...], *verdict: str
) -> dict[str, Any]:
    value, low, high = measured or (0, 0, 0)
    return {
        **{"id": name, "group": group, "statement": statement, "expected": expected, "setting": {}},
        **{"measured": {"value": value, "low": low, "high": high} if measured else None},
        **{"verdict": verdict[0], "why": verdict[-1]},
    }


def order(value: float, tolerance: float) -> dict[str, Any]:
    return {"what": "order", "value": value, "tolerance": tolerance}


CLAIMS = [
    claim(
        *(
            "ode.forward.heun",
            "forward",
            "The output of Heun blocks converges to the flow of the weight path at order 2",
        ),
        *(order(2.0, 0.1), (2.0, 1.999, 2.001), "supported", "inside"),
    ),
    claim(
        *("ode.forward.leading", "forward", "The error of Euler blocks is h e(T) up to O(h^2)", order(2.0, 0.2)),
        *((), "inconclusive", KINKED),
    ),
    claim(
        *("ode.gradient.heun", "forward", "Gradients of Heun blocks converge to the adjoint's at order 2"),
        *(order(2.0, 0.1), (), "inconclusive", KINKED),
    ),
    claim(
        *("ode.averaged.rms", "averaged", "With i.i.d. weights, the output converges to the averaged ODE at order 1/2"),
        *(order(0.5, 0.15), (0.48, 0.116, 0.835), "inconclusive", WIDER),
    ),
    claim(
        *("flow.images.refinement.accuracy", "images"),
        "Refining stages with shared weights from n to 8n units changes test accuracy by O(1/n)",
        {"what": "at_most", "value": 0.07, "tolerance": 0.03, "scale": "share of test images"},
        *((0.422, 0.412, 0.433), "refuted", OUTSIDE),
    ),
    claim(
        *("ode.trained", "trained", "Weight paths of networks trained from a tied start converge in depth at order 1"),
        *(order(1.0, 0.1), (1.0, 0.999, 1.002), "supported", "inside"),
    ),
]


def point(name: str, depth: int, value: float, power: float, **setting: float) -> dict[str, Any]:
    numbers = {"value": value, "scaled": value * depth**power, "stderr": 0.01 * value, "reference_error": 1e-13}
    return {"claim": name, "depth": depth, "setting": setting, **numbers}


def reached(observable: str, depth: int, value: float, **setting: float) -> dict[str, Any]:
    where = {"block": "two", "init": "tied"}
    return {
        "observable": observable,
        "depth": depth,
        "setting": setting,
        "where": where,
        "value": value,
        "stderr": 0.01,
    }


SUMMARY = {
    "study": "ode",
    "groups": [{**group, "seconds": 2.0, "depths": {"low": 1, "high": None}} for group in GROUPS],
    "claims": CLAIMS,
    "table": [point("ode.averaged.rms", depth, 0.4 / depth**0.5, 0.5) for depth in (8, 16, 32, 64)],
    "reached": [
        reached(observable, depth, value + depth / 1e4)
        for observable, value in (("test_accuracy", 0.92), ("train_loss", 0.128))
        for depth in (8, 16, 32, 64)
    ],
    "jobs": {f"{depth}-0123456789": "finished" for depth in (8, 16, 32, 64)},
    "elapsed": 84.2,
}
"""One setting: two claims outside their theorem, one too wide, one refuted, and what networks reached by depth."""
SWEEP = {
    **SUMMARY,
    "claims": [{**of, "setting": setting} for setting in (SETTING, OTHER) for of in CLAIMS[1:4]],
    "table": [],
    "reached": [{**of, "setting": setting} for setting in (SETTING, OTHER) for of in SUMMARY["reached"]],
}
"""Two learning rates: a reason that holds at both, and accuracies against them."""
VERIFIED = {
    **{"preset": "smoke", "ok": False, "seconds": 12.3},
    "studies": [
        {
            **{"study": "ode", "groups": SUMMARY["groups"], "run": "/runs/ode/1"},
            "claims": [{**of, "must_be": "supported", "ok": of["verdict"] == "supported"} for of in CLAIMS],
            "failed_jobs": {"8-0123456789": "OutOfMemory: the part trained needs 12.1 GB, and there are 7.8"},
        }
    ],
}


def captured(call: Callable[[], None], width: int) -> str:
    """What this prints in a terminal of so many columns, without the spaces that end a line."""
    out, variables = io.StringIO(), {"COLUMNS": str(width), "NO_COLOR": "1"}
    with redirect_stdout(out), patch.dict(os.environ, variables):
        call()
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def command(*words: str) -> Callable[[], None]:
    return lambda: app(list(words), standalone_mode=False)


def trained(summary: dict[str, Any], *, table: bool = False) -> Callable[[], None]:
    """The last screen of `reslim train`."""

    def show() -> None:
        console, folder = display.Terminal(), Path("/runs/ode/1")
        display.show_summary(summary, console, table=table)
        display.show_places(folder, next_step(summary, [0]), Run(folder), console)

    return show


SCREENS: dict[str, Callable[[], None]] = {
    "train": trained(SUMMARY),
    "train_table": trained(SUMMARY, table=True),
    "train_sweep": trained(SWEEP),
    "verify": lambda: verify.show(VERIFIED),
    "reslim": command(),
    "studies_ode": command("studies", "ode"),
    "studies_claim": command("studies", "ode.forward.heun"),
    "dry_run": command("train", "--dry-run", "preset=smoke", "claims=[ode.rough]", "depth=8,16", "jobs=1"),
}


def screen(name: str, width: int) -> str:
    """A screen that is kept; what a study takes is measured anew now and then."""
    text = captured(SCREENS[name], width)
    return text if name.startswith("train") else re.sub(r"\b\d+ (s|min)\b", lambda match: "#" * len(match[0]), text)


if __name__ == "__main__":
    for name in SCREENS:
        for width in WIDTHS:
            (KEPT / f"{name}_{width}.txt").write_text(screen(name, width), encoding="utf-8")
