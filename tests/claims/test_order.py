"""The order along a coordinate: is the truth in the interval as often as it says, and is a wrong order never believed?

The ensemble: `error = L^-p (1 + c/L + d/L^2)` at depths `L_0, 2 L_0, ..., 2^(n-1) L_0`, with `c` uniform in
`+-L_0/2` and `d` in `+-L_0^2/4`: at the shallowest depth the corrections are up to a half and a quarter of the
leading term, either sign, and the error stays positive (at least a quarter of it). The fit does not know the unit of
depth, so `L_0 = 8` stands for all: 4, 5 and 6 depths are 8..64, 8..128, 8..256 and just as well 4..128 or 16..512.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from resnet_limits.claims.order import OrderFit, fit_order
from resnet_limits.errors import RequestError

NOISES = (0.0, 0.005, 0.01, 0.02, 0.05)
SWEEPS = (4, 5, 6)
TRIALS = 4000
TOLERANCE = 0.1
WRONG = 0.25


def doubling(n: int, shallowest: float = 8) -> np.ndarray:
    return shallowest * 2.0 ** np.arange(n)


def corrected(L: np.ndarray, p: float, c: float, d: float) -> np.ndarray:
    return L**-p * (1 + c / L + d / L**2)


def drawn(L: np.ndarray, p: float, rng: np.random.Generator) -> np.ndarray:
    """One member of the ensemble."""
    return corrected(L, p, rng.uniform(-0.5, 0.5) * L[0], rng.uniform(-0.25, 0.25) * L[0] ** 2)


def covers(fit: OrderFit, p: float) -> bool:
    return fit.low <= p <= fit.high


def supports(fit: OrderFit, p: float) -> bool:
    return p - TOLERANCE <= fit.low and fit.high <= p + TOLERANCE


def refutes(fit: OrderFit, p: float) -> bool:
    """As `judge` does: outside, and still so without the shallowest depth."""
    return all(high < p - TOLERANCE or low > p + TOLERANCE for low, high in ((fit.low, fit.high), fit.beyond))


def ensemble(n: int, noise: float, p: float = 1.0) -> list[OrderFit]:
    rng = np.random.default_rng([n, round(1e4 * noise)])
    L = doubling(n)
    fits = []
    for _ in range(TRIALS):
        truth = drawn(L, p, rng)
        fits.append(fit_order(L, truth + noise * truth * rng.standard_normal(n), stderrs=noise * truth))
    return fits


@pytest.fixture(scope="module")
def fits() -> dict[tuple[int, float], list[OrderFit]]:
    return {(n, noise): ensemble(n, noise) for n in SWEEPS for noise in NOISES}


def test_the_interval_covers_the_true_order_and_a_wrong_one_is_never_supported(fits, capsys):
    lines = ["depths  noise  covered  half-width  true refuted  wrong supported  wrong refuted"]
    for (n, noise), some in fits.items():
        covered = np.mean([covers(fit, 1.0) for fit in some])
        half_width = np.median([fit.half_width for fit in some])
        refuted = np.mean([refutes(fit, 1.0) for fit in some])
        wrong = [max(supports(fit, 1.0 + off) for off in (-WRONG, WRONG)) for fit in some]
        seen = np.mean([refutes(fit, 1.0 + off) for fit in some for off in (-WRONG, WRONG)])
        lines.append(
            f"{n:6d} {noise:6.1%} {covered:8.3f} {half_width:11.4f} {refuted:13.4f} {sum(wrong):16d} {seen:14.3f}"
        )
        assert covered >= 0.93, lines[-1]
        assert refuted <= 0.001, lines[-1]
        assert sum(wrong) == 0, lines[-1]
    with capsys.disabled():
        print("\n" + "\n".join(lines))


def test_coverage_holds_for_each_combination_of_signs(fits):
    """An average over the ensemble may hide a corner: with opposite signs the corrections cancel."""
    rng = np.random.default_rng(1)
    L = doubling(6)
    for noise in (0.0, 0.005, 0.02):
        for c_sign in (-1, 1):
            for d_sign in (-1, 1):
                hits = 0
                for _ in range(400):
                    c, d = c_sign * rng.uniform(0, 0.5) * L[0], d_sign * rng.uniform(0, 0.25) * L[0] ** 2
                    truth = corrected(L, 1.0, c, d)
                    hits += covers(fit_order(L, truth * (1 + noise * rng.standard_normal(6)), stderrs=noise * truth), 1)
                assert hits / 400 >= 0.93, (noise, c_sign, d_sign)


def test_a_true_order_is_supported_and_a_wrong_one_refuted_where_errors_are_clean(fits):
    clean = fits[6, 0.0]
    assert np.mean([supports(fit, 1.0) for fit in clean]) > 0.99
    assert np.mean([refutes(fit, 1.25) for fit in clean]) > 0.99


def test_the_regression_without_a_correction_would_have_missed_the_true_order():
    """Why the correction is fitted: the textbook 95 % interval of a straight line is confidently wrong."""
    rng = np.random.default_rng(0)
    L = doubling(6)
    X = np.stack([np.ones(6), -np.log(L)], axis=1)
    hits = 0
    for _ in range(1000):
        y = np.log(drawn(L, 1.0, rng))
        slope, rest = np.linalg.lstsq(X, y, rcond=None)[0][1], y - X @ np.linalg.lstsq(X, y, rcond=None)[0]
        stderr = np.sqrt(rest @ rest / 4 * np.linalg.inv(X.T @ X)[1, 1])
        hits += abs(slope - 1) <= 2.776 * stderr
    assert hits / 1000 < 0.5


@pytest.mark.parametrize("p", [0.5, 1.0, 2.0, 4.0])
def test_the_half_width_of_clean_errors_is_a_third_of_the_tolerance_at_depths_8_to_256(p):
    fit = fit_order(doubling(6), corrected(doubling(6), p, c=1.0, d=1.0))
    assert covers(fit, p)
    assert fit.half_width < TOLERANCE / 3


def test_the_fit_is_exact_where_its_model_is():
    """Errors `e^a L^-p e^(c/L)` give back a, p and c, and the line goes through the points."""
    L = np.array([8.0, 12, 24, 64, 100])
    errors = np.exp(0.7 - 1.5 * np.log(L) + 2.0 / L)
    fit = fit_order(L, errors)
    np.testing.assert_allclose([fit.a, fit.order, fit.c], [0.7, 1.5, 2.0], rtol=1e-9)
    np.testing.assert_allclose(fit.error_at(L), errors, rtol=1e-9)


def test_the_order_knows_neither_the_unit_of_depth_nor_the_unit_of_error_nor_the_sequence():
    rng = np.random.default_rng(3)
    L = doubling(6)
    errors, stderrs = drawn(L, 1.0, rng), 0.01 * L**-1
    fit = fit_order(L, errors, stderrs=stderrs)
    other = fit_order(5 * L[::-1], 1e-9 * errors[::-1], stderrs=1e-9 * stderrs[::-1])
    np.testing.assert_allclose([other.order, other.low, other.high], [fit.order, fit.low, fit.high], rtol=1e-8)
    # e -> e L^-1 shifts the order by one and nothing else.
    steeper = fit_order(L, errors / L, stderrs=stderrs / L)
    np.testing.assert_allclose([steeper.low, steeper.high], [fit.low + 1, fit.high + 1], rtol=1e-8)


def test_the_noise_part_is_the_standard_deviation_of_the_fitted_order():
    """Twice the noise, twice the scatter; 1.96 of it is the least that the interval may be wide."""
    rng = np.random.default_rng(5)
    L = doubling(4)
    orders = [fit_order(L, L**-1 * (1 + 0.001 * rng.standard_normal(4))).order for _ in range(2000)]
    without = fit_order(L, corrected(L, 1.0, 1.0, 1.0))
    with_noise = fit_order(L, corrected(L, 1.0, 1.0, 1.0), stderrs=0.001 * corrected(L, 1.0, 1.0, 1.0))
    assert with_noise.half_width - without.half_width == pytest.approx(1.96 * np.std(orders), rel=0.05)


def test_more_noise_is_answered_with_more_depths():
    L = doubling(7)
    errors = corrected(L, 1.0, 1.0, 1.0)
    assert len(fit_order(L, errors).x) == 4
    assert len(fit_order(L, errors, stderrs=0.05 * errors).x) == 7


def test_a_higher_level_widens_only_the_noise_part():
    L = doubling(4)
    errors = corrected(L, 1.0, 1.0, 1.0)
    noisy = [fit_order(L, errors, stderrs=0.01 * errors, level=level).half_width for level in (0.6827, 0.9545)]
    clean = fit_order(L, errors).half_width
    assert (noisy[1] - clean) / (noisy[0] - clean) == pytest.approx(2.0, rel=1e-3)


def test_points_whose_reference_error_exceeds_a_tenth_of_the_error_are_left_out_and_named():
    L = doubling(6)
    errors = corrected(L, 4.0, 1.0, 1.0)
    for fraction, named in ((0.11, [256.0]), (0.09, [])):
        fit = fit_order(L, errors, reference_errors=[0, 0, 0, 0, 0, fraction * errors[-1]])
        assert [depth for depth, reason in fit.left_out.items() if "more than a tenth" in reason] == named
        assert covers(fit, 4.0)


def test_a_last_point_with_a_middling_reference_does_not_cost_the_verdict():
    """Seven per cent at the deepest depth moves a fit to four points by a tenth; the others know the order better."""
    L = doubling(6)
    errors = corrected(L, 4.0, 1.0, 1.0)
    fit = fit_order(L, errors * [1, 1, 1, 1, 1, 1.07], reference_errors=np.full(6, 0.07 * errors[-1]))
    assert supports(fit, 4.0)
    assert list(fit.left_out) == [256.0]
    assert "narrower" in fit.left_out[256.0]


@pytest.mark.parametrize("p", [1.0, 2.0, 4.0])
def test_a_reference_that_is_not_exact_bends_the_deepest_points_and_the_interval_still_covers(p):
    rng = np.random.default_rng(8)
    L = doubling(6)
    hits, refuted, trials = 0, 0, 0
    for _ in range(1000):
        truth = drawn(L, p, rng)
        reference = truth[-1] * 10 ** rng.uniform(-3, 0.5)
        fit = fit_order(L, np.abs(truth + rng.uniform(-1, 1) * reference), reference_errors=np.full(6, reference))
        if len(fit.x) >= 4:
            trials, hits, refuted = trials + 1, hits + covers(fit, p), refuted + refutes(fit, p)
    assert trials > 500
    assert hits / trials >= 0.93
    assert refuted == 0


@pytest.mark.parametrize("bad", [0.0, -1e-3, np.nan, np.inf])
def test_an_error_without_a_logarithm_is_left_out_and_named(bad):
    errors = corrected(doubling(6), 1.0, 1.0, 1.0)
    errors[2] = bad
    fit = fit_order(doubling(6), errors)
    assert list(fit.left_out) == [32.0]
    assert "not a positive number" in fit.left_out[32.0]
    assert covers(fit, 1.0)


def test_fewer_than_four_usable_depths_give_no_order():
    fit = fit_order([8, 16, 32, 64], [0.1, 0.05, 0.0, 0.012])
    assert np.isnan([fit.order, fit.low, fit.high]).all()
    assert fit.x == (8.0, 16.0, 64.0)


def test_a_pure_power_without_noise_has_an_interval_of_no_width():
    """Rounding is not an uncertainty that was measured."""
    fit = fit_order(doubling(5), 0.3 * doubling(5) ** -1.5)
    assert fit.order == pytest.approx(1.5)
    assert fit.low == fit.order == fit.high


def test_what_cannot_be_fitted_is_refused_with_what_was_got():
    with pytest.raises(RequestError, match="4 x, 3 errors"):
        fit_order([8, 16, 32, 64], [1, 2, 3])
    with pytest.raises(RequestError, match="each once"):
        fit_order([8, 8, 16, 32], [1, 2, 3, 4])
    with pytest.raises(RequestError, match="positive x"):
        fit_order([0, 8, 16, 32], [1, 2, 3, 4])
    with pytest.raises(RequestError, match="level"):
        fit_order([4, 8, 16, 32], [1, 2, 3, 4], level=1.0)


def test_corrections_in_half_powers_are_covered_where_they_are_stated():
    # error = L^-1/2 (1 + c L^-1/2 + d/L), as of blocks whose hidden layer shrinks as h^1/4
    rng, L, hits, blind = np.random.default_rng(5), doubling(6) * 2, 0, 0
    for _ in range(200):
        c, d = rng.uniform(-1, 1, size=2)
        errors = L**-0.5 * (1 + c * L**-0.5 + d / L)
        fit = fit_order(L, errors, stderrs=1e-6 * errors, correction=0.5)
        hits += fit.low <= 0.5 <= fit.high
        other = fit_order(L, errors, stderrs=1e-6 * errors)
        blind += other.low <= 0.5 <= other.high
    assert hits >= 190
    assert blind < 130
    assert fit.x == tuple(L[-len(fit.x) :])
    np.testing.assert_allclose(fit.error_at(L[-3:]), errors[-3:], rtol=0.01)
    with pytest.raises(RequestError, match="correction"):
        fit_order(L, L**-0.5, correction=-0.5)


# -- few points with noise, and corrections of known size -------------------------------------------

BENDS = (0.1, 0.25, 0.5)
NOISY = (0.01, 0.02, 0.05, 0.1, 0.2)
LADDERS = {"4 doubling": doubling(4, 16), "5 doubling": doubling(5, 16), "4 by fours": 64 * 4.0 ** np.arange(4)}
"""Widths D/8 to D, D to 16 D; numbers of data 64 to 4096."""


def noisy(
    x: np.ndarray, bend: float, noise: float, count: int, *, p: float = 0.5, power: float = 1.0
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Values `x^-p (1 + c u + d u^2)` with noise, and their standard errors; `u = (x_1/x)^power`, |c| up to the bend
    and |d| up to its square."""
    rng = np.random.default_rng([len(x), round(1e3 * noise), round(1e3 * bend)])
    u = (x[0] / x) ** power
    for _ in range(count):
        truth = x**-p * (1 + rng.uniform(-bend, bend) * u + rng.uniform(-(bend**2), bend**2) * u**2)
        values = truth * (1 + noise * rng.standard_normal(len(x)))
        if (values > 0).all():
            yield values, noise * truth


def weighted_line(x: np.ndarray, values: np.ndarray, stderrs: np.ndarray) -> tuple[float, float]:
    """Order and half-width of the straight line, the larger of what the points' errors and their scatter say."""
    y, weight = np.log(values), (values / stderrs) ** 2
    off = -np.log(x) + weight @ np.log(x) / weight.sum()
    spread = weight @ off**2
    order = weight @ (off * y) / spread
    left = y - weight @ y / weight.sum() - order * off
    scatter = np.sqrt(weight @ left**2 / weight.sum() / (spread / weight.sum()) / (len(x) - 2))
    return float(order), 1.96 * float(max(spread**-0.5, scatter))


@pytest.mark.slow
def test_few_noisy_points_are_covered_where_the_size_of_the_corrections_is_known(capsys):
    """Beside it the half-width where that size is not known, and the straight line."""
    lines, all_covered = ["points      bend  noise   covered half-width   not known   line: covered half-width"], []
    for (name, x), bend, noise in itertools.product(LADDERS.items(), BENDS, NOISY):
        samples = list(noisy(x, bend, noise, 600))
        fits = [fit_order(x, values, stderrs=stderrs, bend=bend) for values, stderrs in samples]
        covered, half_width = np.mean([covers(fit, 0.5) for fit in fits]), np.median([fit.half_width for fit in fits])
        unknown = np.median([fit_order(x, values, stderrs=stderrs).half_width for values, stderrs in samples[:100]])
        straight = [weighted_line(x, values, stderrs) for values, stderrs in samples]
        line = np.mean([abs(order - 0.5) <= half for order, half in straight])
        lines.append(
            f"{name:10s} {bend:5.2f} {noise:6.0%} {covered:9.3f} {half_width:10.3f} {unknown:11.3f}"
            f" {line:15.2f} {np.median([half for _, half in straight]):10.3f}"
        )
        all_covered.append(covered)
        assert covered >= 0.935, lines[-1]
        assert half_width < unknown, lines[-1]
    assert np.mean(all_covered) >= 0.96
    with capsys.disabled():
        print("\n" + "\n".join([*lines, f"on average covered: {np.mean(all_covered):.3f}"]))


@pytest.mark.parametrize("c", [-1, 1])
@pytest.mark.parametrize("d", [-1, 1])
def test_coverage_of_noisy_points_holds_for_each_combination_of_signs(c: int, d: int):
    x, rng = LADDERS["4 doubling"], np.random.default_rng([5 + c, 5 + d])
    for bend, noise in ((0.1, 0.02), (0.25, 0.02), (0.25, 0.05), (0.5, 0.02)):
        u, hits = bend * x[0] / x, []
        for _ in range(400):
            truth = x**-0.5 * (1 + c * rng.uniform(0, 1) * u + d * rng.uniform(0, 1) * u**2)
            values = truth * (1 + noise * rng.standard_normal(4))
            hits.append(covers(fit_order(x, values, stderrs=noise * truth, bend=bend), 0.5))
        assert np.mean(hits) >= 0.93, (bend, noise)


def test_corrections_of_known_size_in_half_powers_are_covered_where_they_are_stated():
    x = LADDERS["4 by fours"]
    samples = list(noisy(x, 0.5, 0.05, 400, power=0.5))
    hits = [covers(fit_order(x, values, stderrs=stderrs, bend=0.5, correction=0.5), 0.5) for values, stderrs in samples]
    assert np.mean(hits) >= 0.95


def test_a_wrong_order_is_not_supported_and_a_true_one_not_refuted_by_few_noisy_points():
    x = LADDERS["4 doubling"]
    fits = [fit_order(x, values, stderrs=stderrs, bend=0.25) for values, stderrs in noisy(x, 0.25, 0.02, 500)]
    ranges = [(fit.low, fit.high) for fit in fits]
    assert np.mean([low >= 0.35 and high <= 0.65 for low, high in ranges]) > 0.9
    assert sum(low >= wrong - 0.15 and high <= wrong + 0.15 for low, high in ranges for wrong in (0.0, 1.0)) == 0
    both = [((fit.low, fit.high), fit.beyond) for fit in fits]
    assert sum(all(high < 0.35 or low > 0.65 for low, high in intervals) for intervals in both) == 0
    assert (
        np.mean([all(high < 0.85 for _, high in intervals) for intervals in both]) > 0.95
    )  # order 1 +- 0.15 is refuted


def test_points_that_bend_more_than_is_said_take_the_rule_that_knows_no_size():
    x = LADDERS["5 doubling"]
    values = x**-0.5 * (1 + 0.9 * x[0] / x)
    said, unknown = (fit_order(x, values, stderrs=0.002 * values, bend=bend) for bend in (0.05, None))
    assert (said.low, said.high) == (unknown.low, unknown.high)
    assert covers(said, 0.5)


def test_points_without_noise_show_their_bend_themselves():
    x = doubling(5)
    values = corrected(x, 1.0, 2.0, 3.0)
    assert fit_order(x, values, bend=0.5) == fit_order(x, values)
    with pytest.raises(RequestError, match="bend between 0 and 1"):
        fit_order(x, values, bend=1.5)


def test_the_fit_with_corrections_of_known_size_knows_no_units_and_goes_near_its_points():
    x = LADDERS["4 doubling"]
    values = 3 * x**-0.5 * (1 + 0.3 * x[0] / x)
    fit = fit_order(x, values, stderrs=0.01 * values, bend=0.5)
    other = fit_order(7 * x[::-1], 1e-9 * values[::-1], stderrs=1e-11 * values[::-1], bend=0.5)
    np.testing.assert_allclose([other.low, other.high], [fit.low, fit.high], rtol=1e-8)
    np.testing.assert_allclose(fit.error_at(x), values, rtol=0.05)
    assert fit.x == tuple(x)


def test_where_there_is_no_order_a_sentence_says_why():
    assert fit_order([8, 16, 32, 64], [4.0, 2.0, 1.0, 0.5]).why == ""
    assert fit_order([8, 16, 32], [4.0, 2.0, 1.0]).why == "an order needs 4 usable points, and there are 3"
    why = fit_order([8, 16, 32, 64], [4.0, 2.0, 1.0, float("nan")], reference_errors=[1.0, 0.0, 0.0, 0.0]).why
    assert why == (
        "an order needs 4 usable points, and there are 2: at 8 reference error 1.0e+00 is more than a tenth of the "
        "error 4.0e+00; at 64 its error is nan, not a positive number"
    )
