"""What kernels ask of NVIDIA's GPUs since 2012, and of Triton's compiler."""

from __future__ import annotations

from typing import Any

REGISTERS_OF_A_PROCESSOR, MOST_REGISTERS_OF_A_THREAD, THREADS_OF_A_WARP = 65536, 255, 32


def launch_options(warps: int, *, fused: bool) -> dict[str, Any]:
    """A program of so many warps may take all registers that there are; whether products and sums are `fused`."""
    registers = min(MOST_REGISTERS_OF_A_THREAD, REGISTERS_OF_A_PROCESSOR // (THREADS_OF_A_WARP * warps))
    return {"num_warps": warps, "maxnreg": registers, "enable_fp_fusion": fused}
