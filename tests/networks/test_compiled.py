"""The compiled engine: the laws of all, on every kind of processor that this one is; what it refuses, and says."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import torch
from torch import Tensor

import resnet_limits as rl
from resnet_limits.engines import computed_by, default_engine
from resnet_limits.engines.auto import Auto
from resnet_limits.engines.compiled import PROCESSORS, WIDTH_OF_WIDEST_LAYER, Compiled
from resnet_limits.engines.eager import Eager
from resnet_limits.errors import SettingError
from resnet_limits.networks.blocks import field
from resnet_limits.networks.steps import STEPS
from resnet_limits.random import Stream
from resnet_limits.sampling.layer_law import Isotropic
from resnet_limits.sampling.schemes import EulerMaruyama, ShallowNetwork, Walker
from resnet_limits.sampling.walk import walk

from .engine_laws import (
    EULER,
    D,
    EngineLaws,
    Leaky,
    correlated,
    each_activation,
    each_precision,
    network,
    option,
    output_and_gradients,
    start,
)

pytestmark = pytest.mark.skipif(not PROCESSORS, reason="installed without a C compiler")
ROOT = Path(__file__).resolve().parents[2]
each_processor = pytest.mark.parametrize("processor", PROCESSORS)
each_form = pytest.mark.parametrize("block", ["one", "outside", "two"])


class TestAuto(EngineLaws):
    engine = Auto()


def layers(
    block: str, activation: str, depth: int, r: int, n: int, d: int, hidden: int, dtype: torch.dtype, seed: int = 3
) -> tuple:
    """A field, points and weights of entries of size `1/sqrt(fan-in)`."""
    stream = torch.Generator().manual_seed(seed)
    made = type(option(block))(hidden=hidden) if block == "two" else option(block)  # pyright: ignore
    vector_field = field(made, activation, d)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=stream, dtype=torch.float64).to(dtype)

    weights = {
        name: (draw(depth, r, *shape) / shape[-1] ** 0.5).transpose(0, 1).requires_grad_()
        for name, shape in vector_field.shapes.items()
    }
    return vector_field, draw(r, n, d).requires_grad_(), weights


COMPILED_SCHEMES = [
    ShallowNetwork("tanh"),
    ShallowNetwork("swish", "gelu"),
    ShallowNetwork("relu", "tanh"),
    EulerMaruyama("swish", "tanh", Isotropic(1.2, 0.5)),
    EulerMaruyama("swish", "identity", Isotropic(1.2, 0.5), ito_drift=False),
]
SIZES = ((1, 1, 1, 1), (2, 3, 4, 9), (1, 17, 7, 3), (3, 70, 30, 25), (1, 129, 64, 65), (2, 16, 13, 48))
"""r, n, d and rows inside: below, at and above what a vector and a tile hold."""


@each_processor
@each_form
@each_activation
@each_precision
def test_outputs_and_gradients_are_those_of_autograd_at_every_size(processor, block, activation, dtype):
    tolerance = 1e-13 if dtype == torch.float64 else 3e-5
    for r, n, d, hidden in SIZES:
        vector_field, x, weights = layers(block, activation, 9, r, n, d, hidden, dtype)
        double = {name: w.detach().double().requires_grad_() for name, w in weights.items()}
        expected = output_and_gradients(
            Eager().trunk(1000.0), vector_field, x.detach().double().requires_grad_(), double, 0.1
        )
        ours = output_and_gradients(Compiled(processor).trunk(1000.0), vector_field, x, weights, 0.1)
        for mine, exact in zip(ours, expected, strict=True):
            assert mine.dtype == dtype
            assert float((mine - exact).abs().max()) <= tolerance * float(exact.abs().max())


@each_processor
@each_form
@pytest.mark.parametrize("activation", ["tanh", "swish", "gelu"])
def test_single_precision_is_no_further_from_the_truth_than_twice_torch_s(processor, block, activation):
    vector_field, x, weights = layers(block, activation, 64, 2, 40, 30, 30, torch.float32)
    double = {name: w.detach().double().requires_grad_() for name, w in weights.items()}
    exact = output_and_gradients(Eager().trunk(9.0), vector_field, x.detach().double().requires_grad_(), double, 0.1)
    ours, theirs = (
        output_and_gradients(engine.trunk(9.0), vector_field, x, weights, 0.1)
        for engine in (Compiled(processor), Eager())
    )
    for mine, torch_s, true in zip(ours, theirs, exact, strict=True):
        assert float((mine - true).square().mean()) <= 4 * float((torch_s - true).square().mean())


@each_processor
@each_form
@each_precision
def test_no_input_or_replica_depends_on_its_company(processor, block, dtype):
    engine = Compiled(processor)
    vector_field, x, weights = layers(block, "gelu", 7, 5, 150, 11, 6, dtype)
    weights, x = {name: w.detach() for name, w in weights.items()}, x.detach()
    whole = engine.forward(vector_field, EULER, x, weights, 0.1)
    assert torch.equal(engine.states(vector_field, EULER, x, weights, 0.1)[-1], whole)
    assert torch.equal(engine.trunk(0.0)(vector_field, EULER, x, weights, 0.1), whole)
    for first, stop in ((0, 1), (3, 20), (149, 150), (17, 99)):
        assert torch.equal(engine.forward(vector_field, EULER, x[:, first:stop], weights, 0.1), whole[:, first:stop])
    some = {name: w[1:3] for name, w in weights.items()}
    assert torch.equal(engine.forward(vector_field, EULER, x[1:3], some, 0.1), whole[1:3])
    copied = {name: w.contiguous() for name, w in weights.items()}
    assert torch.equal(engine.forward(vector_field, EULER, x, copied, 0.1), whole)
    torch.set_num_threads(2)
    try:
        assert torch.equal(engine.forward(vector_field, EULER, x, weights, 0.1), whole)
    finally:
        torch.set_num_threads(1)


@each_processor
@each_form
@pytest.mark.parametrize("memory", [9.0, 0.0])
def test_gradients_of_a_replica_do_not_depend_on_the_others(processor, block, memory):
    vector_field, x, weights = layers(block, "swish", 30, 4, 21, 6, 9, torch.float64)

    def gradients(first: int, stop: int) -> list[Tensor]:
        theta = {name: w[first:stop].detach().requires_grad_() for name, w in weights.items()}
        points = x[first:stop].detach().requires_grad_()
        output = Compiled(processor).trunk(memory)(vector_field, EULER, points, theta, 0.1)
        return list(torch.autograd.grad(output.sin().sum(), [points, *theta.values()]))

    whole = gradients(0, 4)
    for first, stop in ((0, 1), (1, 4), (2, 3)):
        assert all(torch.equal(g, all_g[first:stop]) for g, all_g in zip(gradients(first, stop), whole, strict=True))


@each_processor
@each_form
@each_precision
def test_one_thread_and_several_give_the_same_bits(processor, block, dtype):
    vector_field, x, weights = layers(block, "swish", 20, 5, 130, 40, 48, dtype)
    engine, plain = Compiled(processor), {name: w.detach() for name, w in weights.items()}

    def computed(threads: int) -> list[Tensor]:
        torch.set_num_threads(threads)
        try:
            ends = [way(vector_field, EULER, x.detach(), plain, 0.1) for way in (engine.forward, engine.states)]
            kept = output_and_gradients(engine.trunk(1000.0), vector_field, x, weights, 0.1)
            return [*ends, *kept, *output_and_gradients(engine.trunk(0.0), vector_field, x, weights, 0.1)]
        finally:
            torch.set_num_threads(1)

    one = computed(1)
    for threads in (2, 3, 8):
        assert all(torch.equal(mine, alone) for mine, alone in zip(computed(threads), one, strict=True))


@each_form
def test_weights_that_lie_anywhere_in_memory_are_read_where_they_are(block):
    vector_field, x, weights = layers(block, "tanh", 6, 2, 5, 7, 4, torch.float64)
    engine, x = Compiled(), x.detach()
    plain = {name: w.detach().contiguous() for name, w in weights.items()}
    expected = engine.forward(vector_field, EULER, x, plain, 0.1)
    backwards = {name: w.flip(1).contiguous().flip(1) for name, w in plain.items()}
    columns = {name: w.mT.contiguous().mT for name, w in plain.items()}
    for other in (backwards, columns):
        assert torch.equal(engine.forward(vector_field, EULER, x, other, 0.1), expected)
    tied = {name: w[:, :1].expand_as(w) for name, w in plain.items()}
    copied = {name: w.contiguous() for name, w in tied.items()}
    ours, theirs = (engine.forward(vector_field, EULER, x, w, 0.1) for w in (tied, copied))
    assert torch.equal(ours, theirs)


@each_form
def test_a_state_that_is_not_finite_stays_where_it_is(block):
    vector_field, x, weights = layers(block, "relu", 3, 2, 5, 7, 4, torch.float32)
    x = x.detach().clone()
    x[1, 2, 3] = float("nan")
    output = Compiled().forward(vector_field, EULER, x, {n: w.detach() for n, w in weights.items()}, 0.1)
    assert bool(output[1, 2].isnan().any())
    output[1, 2] = 0
    assert bool(output.isfinite().all())


# -- what it refuses, and what is taken instead ------------------------------------------------------------------------


def test_what_has_no_compiled_form_is_refused_with_the_reason_by_name_and_computed_by_auto_which_says_so_once():
    said: list[str] = []
    auto = Auto()
    auto.reports_to(said.append)
    vector_field, x, weights = network(option("prenorm"), "tanh", 4)
    other, y, of_other = network(option("one"), "tanh", len(STEPS["heun"].times(4)))
    wide, z, of_wide = layers("one", "tanh", 1, 1, 2, WIDTH_OF_WIDEST_LAYER + 1, 1, torch.float32)
    for what, step, points, theta, reason in (
        (vector_field, EULER, x, weights, "block=prenorm has no compiled form"),
        (other, STEPS["heun"], y, of_other, "step heun has no compiled form"),
        (wide, EULER, z, of_wide, f"wider than {WIDTH_OF_WIDEST_LAYER}"),
    ):
        for way in (Compiled().trunk(1.0), Compiled().forward, Compiled().states):
            with pytest.raises(SettingError, match=f"engine=compiled: .*{reason}.*engine=auto"):
                way(what, step, points, theta, 0.1)
        before = len(said)
        for _ in range(2):
            expected = Eager().trunk(1.0)(what, step, points, theta, 0.1)
            torch.testing.assert_close(auto.trunk(1.0)(what, step, points, theta, 0.1), expected)
        assert len(said) == before + 1
        assert reason in said[-1]


def test_walks_without_a_compiled_form_are_refused_by_name():
    stream, x0, law = Stream(0, "test.walk"), torch.ones(2, 1, D), Isotropic(1.0, 1.0)
    of_walker = Walker(ShallowNetwork("tanh"), 2)
    for walkers, points, of_weights, reason in (
        ([of_walker], x0, correlated(D), "walks of weights of law MatrixNormal have no compiled form"),
        ([Walker(Leaky("tanh"), 2)], x0, law, "walks of Leaky have no compiled form"),
        ([of_walker], torch.ones(2, 65, D), law, "walks of more than 64 vectors have no compiled form"),
        ([of_walker], x0.clone().requires_grad_(), law, "derivatives of walks have no compiled form"),
    ):
        with pytest.raises(SettingError, match=f"engine=compiled: {reason}"):
            Compiled().walk(walkers, points, of_weights, horizon=1.0, stream=stream)
    diffusion = EulerMaruyama("tanh", "identity", correlated(D))
    with pytest.raises(SettingError, match="engine=compiled: diffusions of law MatrixNormal have no compiled form"):
        Compiled().record(diffusion, x0, law, depth=2, horizon=1.0, stream=stream)
    with pytest.raises(SettingError, match="engine=compiled: walks of more than 64 vectors have no compiled form"):
        Compiled().tangents([of_walker], x0, torch.ones(2, 1, 64, D), law, horizon=1.0, stream=stream)
    with pytest.raises(SettingError, match="engine=compiled: walks of weights of law MatrixNormal"):
        Compiled().act(correlated(D), x0, torch.ones(1), 0.1, stream)


def test_auto_says_once_why_it_walks_by_the_eager_engine():
    said: list[str] = []
    auto, x0 = Auto(), torch.ones(2, 1, D)
    auto.reports_to(said.append)
    for _ in range(2):
        auto.final([Walker(ShallowNetwork("tanh"), 2)], x0, correlated(D), horizon=1.0, stream=Stream(0, "test.walk"))
    assert said == [
        "engine=auto: walks of weights of law MatrixNormal have no compiled form, so the eager engine computes it"
    ]


@each_processor
@each_precision
@pytest.mark.parametrize(("n", "width"), [(1, 1), (1, 9), (2, 16), (3, 5), (5, 33), (9, 2), (20, 100)])
def test_walks_are_those_of_the_loop_on_every_kind_of_processor(processor, dtype, n, width):
    x0, tolerance = start(5, n, width, dtype=dtype), 1e-11 if dtype == torch.float64 else 2e-4
    for law in (Isotropic(1.2, 0.5), Isotropic(1.2, 0.0), Isotropic(0.0, 0.7)):
        walkers = [Walker(ShallowNetwork("swish", "gelu"), 3), Walker(ShallowNetwork("relu", "tanh"), 6)]
        how = {"horizon": 1.0, "stream": Stream(4, "test.walk", first_replica=62)}
        for (k, ours), (layer, loop) in zip(
            Compiled(processor).walk(walkers, x0, law, **how), walk(walkers, x0, law, **how), strict=True
        ):
            assert k == layer
            torch.testing.assert_close(ours, loop, rtol=tolerance, atol=tolerance)


@each_processor
@each_precision
@pytest.mark.parametrize("scheme", COMPILED_SCHEMES, ids=repr)
@pytest.mark.parametrize(("n", "m", "width"), [(1, 0, 1), (1, 1, 9), (2, 0, 40), (3, 2, 5), (4, 0, 33), (9, 1, 2)])
def test_tapes_are_those_of_the_loop_on_every_kind_of_processor(processor, dtype, scheme, n, m, width):
    x0, u0 = start(5, n, width, dtype=dtype), start(5, n, m, width, dtype=dtype, seed=2)
    p, tolerance = start(5, n, width, dtype=dtype, seed=3), 1e-9 if dtype == torch.float64 else 1e-3
    for law in (Isotropic(1.2, 0.5), Isotropic(1.2, 0.0)):
        how = {"depth": 6, "horizon": 1.0, "stream": Stream(4, "test.tape", first_replica=62), "u0": u0}
        ours, loop = (engine.record(scheme, x0, law, **how) for engine in (Compiled(processor), Eager()))
        for name in ("states", "pre_activations", "tangents"):
            mine, theirs = torch.stack(list(getattr(ours, name))), torch.stack(list(getattr(loop, name)))
            torch.testing.assert_close(mine, theirs, rtol=tolerance, atol=tolerance)
        for mine, theirs in zip(ours.backward(p), loop.backward(p), strict=True):
            torch.testing.assert_close(
                dataclasses.astuple(mine), dataclasses.astuple(theirs), rtol=tolerance, atol=tolerance
            )


@pytest.mark.parametrize("scheme", COMPILED_SCHEMES, ids=repr)
def test_a_backward_pass_is_the_derivative_along_the_weights_that_were_drawn(scheme):
    # d <p, x_L> along x_0, by differences through the same weights: states that span all coordinates say all of W.
    n, width, depth, law = 6, 4, 5, Isotropic(1.1, 0.6)
    x0, p = start(3, n, width), start(3, n, width, seed=3)
    tape = Compiled().record(scheme, x0, law, depth=depth, horizon=1.0, stream=Stream(4, "test.tape"))
    layers = []
    for k in range(depth):
        f = torch.cat([scheme.features(tape.states[k]), torch.ones(3, n, 1)], dim=2)
        layers.append(torch.linalg.lstsq(f, tape.pre_activations[k]).solution)

    def paired(x):
        for both in layers:
            f = scheme.features(x)
            x = scheme.step(x, f, torch.cat([f, torch.ones(3, n, 1)], dim=2) @ both, 1 / depth)
        return (p * x).sum()

    expected = torch.func.grad(paired)(x0)
    *_, last = tape.backward(p)
    torch.testing.assert_close(last.p, expected, rtol=1e-8, atol=1e-8)


@each_precision
def test_backward_passes_do_not_depend_on_how_layers_are_cut(dtype):
    # One call for all layers of a few replicas, many for those of many.
    scheme, x0 = ShallowNetwork("tanh", "swish"), start(300, 3, 70, dtype=dtype)
    ends = []
    for first, stop in ((0, 300), (0, 4), (296, 300)):
        x, stream = x0[first:stop], Stream(4, "test.cut", first_replica=first)
        tape = Compiled().record(scheme, x, Isotropic(1.0, 0.5), depth=40, horizon=1.0, stream=stream)
        *_, last = tape.backward(tape.final)
        ends.append((last.p, last.weights, last.biases))
    for part, rows in zip(ends[1:], (slice(0, 4), slice(296, 300)), strict=True):
        assert all(torch.equal(mine, whole[rows]) for mine, whole in zip(part, ends[0], strict=True))


@each_precision
def test_a_state_that_explodes_does_so_as_in_the_loop(dtype):
    x0, law, how = start(3, 2, 5, dtype=dtype), Isotropic(1e30, 1.0), {"horizon": 1.0, "stream": Stream(4, "test.walk")}
    walkers = [Walker(ShallowNetwork("identity"), 30)]
    ((ours,), (loop,)) = (engine.final(walkers, x0, law, **how) for engine in (Compiled(), Eager()))
    assert torch.equal(ours.isfinite(), loop.isfinite())
    assert not bool(ours.isfinite().all())


def test_derivatives_of_what_is_no_trunk_are_torch_s():
    vector_field, x, weights = network(option("one"), "tanh", 4)
    for through in (Compiled().forward, Eager().forward):
        (g,) = torch.autograd.grad(through(vector_field, EULER, x, weights, 0.1).square().sum(), x, create_graph=True)
        assert bool(torch.autograd.grad(g.sum(), x)[0].any())


def test_a_job_runs_on_the_engine_that_it_asks_for():
    assert type(default_engine()) is Auto
    for name, kind in (("eager", Eager), ("compiled", Compiled), ("auto", Auto)):
        with computed_by(name) as engine:
            assert default_engine() is engine
            assert type(engine) is kind
    assert type(default_engine()) is Auto


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"block": "prenorm"}, "block=prenorm has no compiled form"),
        ({"device": "cuda"}, "device=cuda: it computes on CPUs"),
        ({"width": WIDTH_OF_WIDEST_LAYER + 1}, f"wider than {WIDTH_OF_WIDEST_LAYER}"),
        ({}, "group forward of study ode takes steps of Heun and RK4, of which there is no compiled form"),
        ({"claims": ["ode.rough"]}, "group rough of study ode takes fields that are no block"),
    ],
)
def test_a_request_for_what_it_has_no_form_of_is_refused_before_anything_is_measured(keys, why):
    with pytest.raises(SettingError, match=f"engine=compiled: .*{why}"):
        rl.run(rl.Ode(engine="compiled", preset="smoke", **keys))


def test_without_the_extension_auto_is_eager_and_a_request_by_name_is_refused():
    program = (
        "import sys; sys.modules['resnet_limits.engines._compiled'] = None\n"
        "from resnet_limits.engines import default_engine\n"
        "from resnet_limits.engines.compiled import Compiled\n"
        "import resnet_limits as rl\n"
        "print(default_engine().way('cpu'), Compiled.missing())\n"
        "try: rl.run(rl.Ode(engine='compiled'))\n"
        "except rl.errors.SettingError as error: print(error)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ran.stdout.splitlines() == [
        "eager there was no C compiler when reslim was installed",
        "engine=compiled: there was no C compiler when reslim was installed; engine=auto takes another engine for that",
    ], ran.stderr


def test_a_build_without_a_compiler_leaves_the_extension_out(tmp_path):
    where = ("--build-lib", str(tmp_path / "lib"), "--build-temp", str(tmp_path / "temp"))
    built = subprocess.run(
        [sys.executable, "-c", "import setuptools; setuptools.setup()", "-q", "build_ext", *where],
        cwd=ROOT,
        env={**os.environ, "CC": "/bin/false"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert built.returncode == 0, built.stderr
    assert not list(tmp_path.rglob("*.so"))


EXTENSIONS = {"engines/_compiled": "fast", "engines/_walks": "off", "limits/hamiltonian/_pairs": "fast"}
"""And how their multiplications and additions are contracted."""
LAWS_OF_C = (
    "every_size or every_kind_of_processor or company or several or units_of_the_last_place or beyond_every_size"
)


def build(compiler: str, extension: str, library: Path, *flags: str) -> None:
    source = ROOT / "resnet_limits" / f"{extension}.c"
    common = ("-fPIC", "-shared", "-pthread", f"-I{sysconfig.get_path('include')}")
    contraction = f"-ffp-contract={EXTENSIONS[extension]}"
    command = [compiler, *flags, contraction, *common, str(source), "-o", str(library)]
    subprocess.run(command, check=True, timeout=600)


@pytest.mark.slow
def test_what_clang_makes_of_it_obeys_the_same_laws(tmp_path):
    if shutil.which("clang") is None:
        pytest.skip("no clang on this machine")
    program = "import sys, pytest\nfrom tests.networks.sanitized import loaded\n"
    for extension in EXTENSIONS:
        library = tmp_path / f"{Path(extension).name}.so"
        build("clang", extension, library, "-O2", "-fno-math-errno", "-Werror")
        program += f"sys.modules['resnet_limits.{extension.replace('/', '.')}'] = loaded({str(library)!r})\n"
    tests = [f"tests/networks/test_{name}.py" for name in ("compiled", "compiled_functions")]
    options = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not slow", "-k", LAWS_OF_C]
    program += f"sys.exit(pytest.main({[*options, *tests]!r}))"
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]


@pytest.mark.slow
@pytest.mark.parametrize("extension", EXTENSIONS)
def test_the_compiled_code_neither_leaves_its_arrays_nor_does_what_c_leaves_undefined(tmp_path, extension):
    runtime = libasan()
    if runtime is None:
        pytest.skip("no GCC with its sanitizers on this machine")
    library = tmp_path / f"{Path(extension).name}.so"
    build("gcc", extension, library, "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    ran = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "networks" / "sanitized.py"), str(library)],
        env={**os.environ, "LD_PRELOAD": runtime, "ASAN_OPTIONS": "detect_leaks=0"},  # Python's own are many
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.stdout == "done\n", ran.stderr[:3000]


def libasan() -> str | None:
    """The sanitizer's library, which a program that has none is started with."""
    if shutil.which("gcc") is None:
        return None
    answer = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True)
    library = answer.stdout.strip()
    return library if os.path.isabs(library) else None
