"""What must not depend on cutting, on company or on place, under the settings by which libraries choose their kernels.

One process a setting sees what another processor would: torch's and MKL's kernels are chosen when they are loaded. Run
as a program this file prints the promises that are broken, one a line.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from resnet_limits.paths.laws.law import Init
from tests.checkout import HERE

pytestmark = pytest.mark.slow

SETTINGS = {
    "as it is": {},
    "default": {"ATEN_CPU_CAPABILITY": "default"},
    "avx2": {"ATEN_CPU_CAPABILITY": "avx2", "OPENBLAS_CORETYPE": None},
    "avx512": {"ATEN_CPU_CAPABILITY": "avx512"},
    "compatible": {"MKL_CBWR": "COMPATIBLE"},
    "mkl avx2": {"MKL_CBWR": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"},
}
"""Variables of the environment; None: not set. What a processor does not have is ignored by the libraries."""


@pytest.mark.parametrize("setting", SETTINGS)
def test_promises_hold_whatever_kernels_a_library_chooses(setting):
    changed = {name for variables in SETTINGS.values() for name in variables if name != "OPENBLAS_CORETYPE"}
    environment = {name: value for name, value in os.environ.items() if name not in changed}
    for name, value in SETTINGS[setting].items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = value
    # As a module of the checkout: the folder of this file holds a package `random`.
    command = [sys.executable, "-m", "tests.test_processors"]
    ran = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == ["checked"]


CUTS = ((0, 1), (0, 31), (0, 32), (0, 33), (5, 27), (31, 2), (63, 1), (63, 3), (64, 64), (65, 63), (100, 92))
"""`(first, count)`: replicas below, at and above blocks of 32 and 64, of 192."""


def broken() -> Iterator[str]:
    """Names of broken promises."""
    import torch

    torch.set_num_threads(1)
    for dtype in (torch.float32, torch.float64):
        for promise in (
            activations,
            products,
            random_networks,
            tangents_and_gradients,
            other_layers,
            control_variates,
            equal_inputs,
            paths,
        ):
            for name in promise(dtype):
                yield f"{promise.__name__} {name} {dtype}"
    for promise in (blocks_of_replicas, segments, pieces_of_paths):
        for name in promise():
            yield f"{promise.__name__} {name}"


def cut_otherwise(run: Callable, cuts=CUTS, total: int = 192) -> bool:
    """Whether `run(first, count)` gives other bits than that part of `run(0, total)`."""
    import torch

    whole = run(0, total)
    return not all(torch.equal(run(first, count), whole[first : first + count]) for first, count in cuts)


def noise(*shape: int, dtype, seed: int = 0):
    import torch

    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def activations(dtype) -> Iterator[str]:
    """An entry's value and slope, whatever its place."""
    import torch

    from resnet_limits.networks.activations import Activation, activation_named

    z = 3 * noise(257, dtype=dtype)
    for name in Activation.options:
        value, slope = activation_named(name).with_slope(z)
        for first, count in ((0, 1), (1, 7), (3, 33), (5, 63), (64, 65), (256, 1)):
            both = activation_named(name).with_slope(z[first : first + count])
            if not all(torch.equal(a, b[first : first + count]) for a, b in zip(both, (value, slope), strict=True)):
                yield name
                break


def products(dtype) -> Iterator[str]:
    """Just below and above a batch, from the first replica or a later one."""
    from resnet_limits import fixed_shape

    def checked(name: str, size: int, n: int, d: int, run: Callable) -> Iterator[str]:
        N = min(size, 128)
        x = noise(2 * N + 1, n, d, dtype=dtype)
        cuts = ((0, N - 1), (0, N), (0, N + 1), (N - 1, 2), (N, N + 1), (N + 1, 1))
        if cut_otherwise(lambda first, count: run(x[first : first + count], first=first), cuts, 2 * N + 1):
            yield f"{name} {n} x {d}"

    def square(x, first):
        return fixed_shape.product(x[:, :, : x.shape[1]], x, first=first)

    def with_itself(x, first):
        return fixed_shape.inner(x, x, first=first)

    def shared(x, first):
        return fixed_shape.times(x, noise(x.shape[2], x.shape[2], dtype=dtype), first=first)

    for n, d in ((3, 41), (6, 20), (10, 33), (20, 64)):
        yield from checked("product", fixed_shape.batch_size(n, n, d, dtype), n, d, square)
        yield from checked("gram", fixed_shape.batch_size(n, d, n, dtype), n, d, fixed_shape.gram)
        yield from checked("inner", fixed_shape.batch_size(n, d, n, dtype), n, d, with_itself)
        yield from checked("times", fixed_shape.batch_size(n, d, d, dtype), n, d, shared)


def random_networks(dtype) -> Iterator[str]:
    import torch

    from resnet_limits.engines import default_engine
    from resnet_limits.random import Stream
    from resnet_limits.sampling.layer_law import Isotropic
    from resnet_limits.sampling.schemes import EulerMaruyama, ShallowNetwork, Walker

    law = Isotropic(1.2, 0.7)
    for n, width in ((1, 5), (2, 16), (3, 40), (4, 7), (10, 33), (9, 2)):
        x0 = noise(n, width, dtype=dtype)
        walkers = [Walker(ShallowNetwork("swish", "tanh"), 2), Walker(EulerMaruyama("gelu", "identity", law), 4)]

        def run(first: int, count: int):
            how = {"horizon": 1.0, "stream": Stream(0, "processors", first_replica=first)}
            return torch.cat(default_engine().final(walkers, x0.expand(count, -1, -1), law, **how), dim=1)  # noqa: B023

        if cut_otherwise(run):
            yield f"{n} inputs, width {width}"


def tangents_and_gradients(dtype) -> Iterator[str]:
    import torch

    from resnet_limits.engines import default_engine
    from resnet_limits.random import Stream
    from resnet_limits.sampling.layer_law import Isotropic
    from resnet_limits.sampling.schemes import ShallowNetwork, Walker

    engine, law, scheme = default_engine(), Isotropic(1.2, 0.7), ShallowNetwork("swish", "gelu")
    for n, width in ((1, 5), (3, 40), (9, 33)):
        x0 = noise(n, width, dtype=dtype)

        def moved(first: int, count: int):
            how = {"horizon": 1.0, "stream": Stream(0, "processors", first_replica=first)}
            start, along = x0.expand(count, -1, -1), x0.flip(0)[:, None].expand(count, -1, 2, -1)  # noqa: B023
            *_, (_, (x,), (u,)) = engine.tangents([Walker(scheme, 3)], start, along, law, **how)
            return torch.cat([x.flatten(1), u.flatten(1)], dim=1)

        def pulled(first: int, count: int):
            how = {"depth": 3, "horizon": 1.0, "stream": Stream(0, "processors", first_replica=first)}
            tape = engine.record(scheme, x0.expand(count, -1, -1), law, **how)  # noqa: B023
            gradients = tape.gradients(tape.final)
            return torch.cat(
                [gradients.weights.T, gradients.biases.T, gradients.states.transpose(0, 1).flatten(1)], dim=1
            )

        for name, run in (("tangents", moved), ("gradients", pulled)):
            if cut_otherwise(run):
                yield f"{name}, {n} inputs, width {width}"


def other_layers(dtype) -> Iterator[str]:
    """Correlated weights, blocks of two layers, the averaged flow, filters, wide layers."""
    import torch

    from resnet_limits.engines import default_engine
    from resnet_limits.limits.averaged import averaged_field
    from resnet_limits.networks.blocks.one import OneBlock
    from resnet_limits.random import Stream
    from resnet_limits.sampling import deep, wide
    from resnet_limits.sampling.filters import Filtered
    from resnet_limits.sampling.layer_law import Isotropic
    from resnet_limits.sampling.of_init import law_of

    x = noise(3, 40, dtype=dtype)
    law = law_of(Init.options["matrix_normal"](), 40)

    def correlated(first: int, count: int):
        return law.act(x.expand(count, -1, -1), torch.ones(3), 0.1, Stream(0, "processors", first_replica=first))

    def two_layers(first: int, count: int):
        branches = [deep.ResidualBranch("swish", 0.25), deep.ResidualBranch("tanh", 0.0)]
        sizes = {"inner": Isotropic(1.5, 0.5), "outer": Isotropic(1.0, 0.5)}
        keys = {"depth": 3, "horizon": 1.0, "stream": Stream(0, "processors", first_replica=first)}
        start, act = x.expand(count, -1, -1), default_engine().act
        states, compensators = deep.final(branches, start, **sizes, **keys, act=act)
        return torch.cat([*states, *(c.to(dtype) for c in compensators)], dim=2)

    average = averaged_field(OneBlock(), "swish", sigma_w=1.2, sigma_b=0.7)

    def averaged(first: int, count: int):
        return average(noise(192, 3, 40, dtype=dtype)[first : first + count])

    Z = noise(192, 16, 64, dtype=dtype)
    Z[:, 3] = Z[:, 1]
    Z[::5, 7] = Z[::5, 2]

    def wide_layers(first: int, count: int):
        part = Z[first : first + count]
        return wide.pre_activations(wide.mean_gram(part), part)

    images = noise(2, 8, 4, 4, dtype=torch.float64)

    def filtered(first: int, count: int):
        stream = Stream(0, "processors", first_replica=first)
        keys = {"size": 3, "depth": 3, "horizon": 1.0, "replicas": count, "stream": stream}
        network = Filtered("tanh", images, Isotropic(1.2, 0.7), **keys)
        *_, p = network.costates(torch.ones_like(network.states[-1]))
        return torch.cat([network.states[-1], p], dim=2)

    for run in (correlated, two_layers, averaged, filtered):
        if cut_otherwise(run):
            yield run.__name__
    if cut_otherwise(wide_layers, [cut for cut in CUTS if cut[0] % 32 == 0]):
        yield "wide_layers"
    if not torch.equal(wide_layers(0, 192)[:, 1], wide_layers(0, 192)[:, 3]):
        yield "wide_layers of equal inputs"


def control_variates(dtype) -> Iterator[str]:
    """The martingale of a network, also next to networks whose states are large."""
    import torch

    from resnet_limits.engines import default_engine
    from resnet_limits.random import Stream
    from resnet_limits.sampling.layer_law import Isotropic
    from resnet_limits.sampling.martingale import Martingale
    from resnet_limits.sampling.schemes import ShallowNetwork, Walker

    law, scheme = Isotropic(1.2, 0.7), ShallowNetwork("swish")
    x0 = noise(192, 2, 16, dtype=dtype)
    x0[150:] *= 9
    weights = noise(5, 2, 6, dtype=torch.float64)

    def run(first: int, count: int):
        how = {"horizon": 1.0, "stream": Stream(0, "processors", first_replica=first)}
        start = x0[first : first + count]
        martingale = Martingale(scheme, law, weights, start, 0.25)
        for _, (x,) in default_engine().walk([Walker(scheme, 4)], start, law, **how):
            martingale.add(x)
        return martingale.value().T

    if cut_otherwise(run):
        yield "martingale"


def equal_inputs(dtype) -> Iterator[str]:
    import torch

    from resnet_limits.engines import default_engine
    from resnet_limits.random import Stream
    from resnet_limits.sampling.layer_law import Isotropic
    from resnet_limits.sampling.of_init import law_of
    from resnet_limits.sampling.schemes import ShallowNetwork, Walker

    for equal in ((0, 0), (0, 1, 0), (0, 1, 2, 1, 2, 0), (0, 1, 2, 3, 4, 5, 6, 7, 8, 3, 9, 0), (*range(50), 17, 3)):
        for width in (3, 17, 40):
            x0 = noise(31, max(equal) + 1, width, dtype=dtype)[:, list(equal)].clone()
            x0[7] = noise(len(equal), width, dtype=dtype, seed=1)
            for law in (Isotropic(1.2, 0.7), law_of(Init.options["matrix_normal"](), width)):
                how = {"horizon": 1.0, "stream": Stream(0, "processors")}
                (x,) = default_engine().final([Walker(ShallowNetwork("swish", "tanh"), 2)], x0, law, **how)
                same = [r for r in range(31) if r != 7]
                if not all(torch.equal(x[same, i], x[same, equal.index(s)]) for i, s in enumerate(equal)):
                    yield f"{len(equal)} of width {width}, {type(law).__name__}"


LAWS = ("smooth", "iid", "rough", "fractional", "tied")


def paths(dtype) -> Iterator[str]:
    import torch

    from resnet_limits.paths.draw import draw_path

    for law in (Init.options[name]() for name in LAWS):

        def run(first: int, count: int, law=law):
            shapes, how = {"W": (3, 3), "b": (3,)}, {"depth": 5, "horizon": 1.0, "seed": 1, "dtype": dtype}
            path = draw_path(law, shapes, replicas=count, first_replica=first, **how).at(torch.arange(5) / 5)
            return torch.cat([path["W"].flatten(1), path["b"].flatten(1)], dim=1)

        if cut_otherwise(run, ((0, 1), (0, 7), (5, 9), (63, 2), (64, 6)), 70):
            yield law.name


def settings_of(**more):
    """Sizes that no vector of the processor divides."""
    from resnet_limits.settings.training import Train
    from resnet_limits.studies.ode.settings import Ode, OdeKeys

    sizes = {"ode": OdeKeys(inputs=3, paths=2, draws=3), "train": Train(epochs=1, replicas=2)}
    return replace(Ode(depth=6, width=7, replicas=35, device="cpu", **sizes), **more)


def blocks_of_replicas() -> Iterator[str]:
    """More replicas leave the outputs of the first as they are."""
    import torch

    from resnet_limits.engines import default_engine
    from resnet_limits.measurement.job import Job
    from resnet_limits.studies.ode.averaged import measure as averaged
    from resnet_limits.studies.ode.rough import measure as rough

    rough.PINS_OF_ROUGH = {**rough.PINS_OF_ROUGH, "width": 4}  # pyright: ignore
    watched = ((averaged, averaged, "martingale_response"), (rough, type(default_engine()), "forward"))
    for part, of, name in watched:
        original, outputs = getattr(of, name), []

        def noted(*arguments, original=original, outputs=outputs):
            result = original(*arguments)
            outputs.append(result[0] if isinstance(result, tuple) else result)
            return result

        setattr(of, name, noted)
        seen = []
        for replicas in (1, 3):
            outputs.clear()
            part.measure(Job(settings_of(replicas=replicas, dtype="float32")))
            seen.append([x[:1] for x in outputs])
        setattr(of, name, original)
        if not all(torch.equal(a, b) for a, b in zip(*seen, strict=True)):
            yield name


def segments() -> Iterator[str]:
    """Activations that are kept, and that are computed again."""
    from resnet_limits.measurement.job import Job
    from resnet_limits.settings.training import Train
    from resnet_limits.studies.ode.trained import measure as trained

    for dtype in ("float32", "float64"):
        results = []
        for memory in (256.0, 0.0, 0.01):
            measurement = trained.measure(
                Job(settings_of(dtype=dtype, train=Train(epochs=1, replicas=2, memory=memory)))
            )
            results.append(
                (repr(measurement.records), {name: array.tobytes() for name, array in measurement.arrays.items()})
            )
        if results[1:] != results[:1] * 2:
            yield dtype


def pieces_of_paths() -> Iterator[str]:
    import torch

    from resnet_limits.paths import fractional
    from tests.paths.noise import fractional_gaussian_noise

    whole, pieces = fractional.NORMALS_A_PIECE, []
    for piece in (whole, 1, 30_000, 10**6):
        fractional.NORMALS_A_PIECE = piece
        pieces.append(fractional_gaussian_noise(4096, 0.3, (3,), replicas=7, seed=0, purpose="processors"))
    fractional.NORMALS_A_PIECE = whole
    if not all(torch.equal(noise, pieces[0]) for noise in pieces):
        yield "fractional noise"


if __name__ == "__main__":
    for line in broken():
        print(line, flush=True)
    print("checked")
