"""What kernels need of a GPU, compiled without one: `python -m tests.kernels` prints it, a line of JSON a kernel.

The compiler and the disassembler come with Triton. A process of its own: in tests Triton interprets.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.pop("TRITON_INTERPRET", None)

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from resnet_limits.engines.kernels.launch import launch_options
from resnet_limits.engines.kernels.layers import advance_layers, pull_back_layers
from resnet_limits.engines.kernels.walks import walk_layers
from resnet_limits.engines.triton import filled_up, tiling
from resnet_limits.engines.walks.kernels import options_of_walk
from resnet_limits.random.kernels import fill_rows

ARCHITECTURES = (80, 90)
"""Of an A100 and an H100 or H200."""
WIDTHS = (16, 32, 64, 128)
ROWS_AND_WIDTHS_OF_WALKS = ((1, 40), (2, 500), (10, 100), (16, 128))
KINDS = {torch.float32: "fp32", torch.float64: "fp64"}
FOLDER_OF_TOOLS = Path(triton.__file__).parent / "backends" / "nvidia" / "bin"


def compiled(
    kernel: Any, architecture: int, kind: str, numbers: str, constants: dict[str, Any], **options: Any
) -> dict:
    """Registers of a thread, bytes that it spills, bytes of memory that a program shares; fused multiply-adds, square
    roots that are not rounded correctly, and whether there are numbers of single precision."""
    names = kernel.arg_names
    pointers = {
        "states",
        "inner",
        "costates",
        "V",
        "W",
        "b",
        "dV",
        "dW",
        "db",
        "step",
        "out",
        "sums",
        "scratch",
        "sizes",
    }
    of_pointer = f"*{kind}"
    signature = {n: "constexpr" if n.isupper() and n in constants else numbers for n in names}
    signature |= {"every": "*i32"} if "every" in names else {}
    signature |= {n: of_pointer for n in names if n in pointers and n not in constants}
    aligned = {(i,): [["tt.divisibility", 16]] for i, n in enumerate(names) if signature[n] == of_pointer}
    source = ASTSource(fn=kernel, signature=signature, constexprs=constants, attrs=aligned)
    made = triton.compile(source, target=GPUTarget("cuda", architecture, 32), options=options)
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(made.asm["cubin"])
        file.flush()
        asked = [str(FOLDER_OF_TOOLS / "cuobjdump"), "--dump-resource-usage", file.name]
        usage = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    registers, stack, local = (int(re.search(rf"{of}:(\d+)", usage)[1]) for of in ("REG", "STACK", "LOCAL"))  # pyright: ignore
    fused, rounded = (len(re.findall(rf"\b{name}", made.asm["ptx"])) for name in ("fma", "sqrt.approx"))
    needs = {"registers": registers, "spilled": stack + local, "shared": made.metadata.shared}
    return {**needs, "fused": fused, "rounded": rounded, "single": "f32" in made.asm["ttir"]}


def rows() -> Iterator[dict]:
    for architecture, (dtype, kind) in itertools.product(ARCHITECTURES, KINDS.items()):
        single = dtype == torch.float32
        constants = {"SINGLE": single, "SIDE_BY_SIDE": False, "GROUPS": 128}
        needs = compiled(fill_rows, architecture, kind, "i64", constants, enable_fp_fusion=False)
        yield {"kernel": "fill_rows", "architecture": architecture, "dtype": kind, **needs}
        for rows, width in ROWS_AND_WIDTHS_OF_WALKS:
            how = options_of_walk(rows, width, dtype)
            constants = {"PHI": "tanh", "PSI": "identity", "SINGLE": single, "N": rows, "D": width}
            constants |= {name: how.pop(name) for name in list(how) if name.isupper()}
            what = {"kernel": "walk_layers", "architecture": architecture, "dtype": kind, "width": width, "rows": rows}
            yield {**what, **compiled(walk_layers, architecture, kind, "i64", constants, **how)}
        for width, block, activation in itertools.product(WIDTHS, ("one", "outside", "two"), ("gelu",)):
            cut = tiling(width, dtype)
            constants = {"BLOCK": block, "PHI": activation, "INPUTS": cut.inputs, "D": width, "M": width}
            constants |= {"DP": filled_up(width), "MP": filled_up(width), "SLAB": cut.slab}
            for kernel, more in ((advance_layers, {"KEEP": True}), (pull_back_layers, {})):
                needs = compiled(
                    kernel, architecture, kind, "i32", constants | more, **launch_options(cut.warps, fused=True)
                )
                what = {"kernel": kernel.__name__, "architecture": architecture, "dtype": kind, "width": width}
                yield {**what, "block": block, "activation": activation, **needs}


def main() -> None:
    for row in rows():
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    sys.exit(main())
