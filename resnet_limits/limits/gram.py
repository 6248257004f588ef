"""Gram matrices `V_ij = <x^i, x^j>/D` of the linear SDE at any width: a diffusion whose polynomials stay polynomials.

    dx^i = dW x^i + db       E dV_ij = v_ij dt       v = sigma_b^2 + sigma_w^2 V
    d<V_ij, V_kl> = (V_ik v_jl + V_il v_jk + V_jk v_il + V_jl v_ik)/D dt

Drift and covariance are of degree 1 and 2 in V: the generator `G f = v . grad f + (1/2) sum B d^2 f` maps polynomials
of degree p to such of degree p, and `E f(V_t) = (e^{t G} f)(V_0)` is a matrix exponential. Free of torch.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

Pair = tuple[int, int]


@dataclass(frozen=True)
class GramDiffusion:
    """The Gram matrix of n inputs of networks of this width; `rate = sigma_w^2`, `source = sigma_b^2` per unit of time.

    A polynomial is an array of coefficients, one for each of the monomials `exponents` of the entries `pairs`.
    """

    inputs: int
    width: int | float
    rate: float
    source: float
    degree: int

    @cached_property
    def pairs(self) -> list[Pair]:
        """`(i, j)`, `i <= j`, of the entries."""
        return list(itertools.combinations_with_replacement(range(self.inputs), 2))

    @cached_property
    def exponents(self) -> list[tuple[int, ...]]:
        """Those of the monomials, by degree."""
        every = itertools.product(range(self.degree + 1), repeat=len(self.pairs))
        return sorted((e for e in every if sum(e) <= self.degree), key=lambda e: (sum(e), e))

    @cached_property
    def _place(self) -> dict[tuple[int, ...], int]:
        return {e: i for i, e in enumerate(self.exponents)}

    def constant(self, value: float) -> np.ndarray:
        vector = np.zeros(len(self.exponents))
        vector[0] = value
        return vector

    def entry(self, i: int, j: int) -> np.ndarray:
        """`V_ij`"""
        vector = np.zeros(len(self.exponents))
        unit = [0] * len(self.pairs)
        unit[self.pairs.index((min(i, j), max(i, j)))] = 1
        vector[self._place[tuple(unit)]] = 1.0
        return vector

    def variance(self, i: int, j: int) -> np.ndarray:
        """`v_ij`, the covariance of pre-activations per unit of time."""
        return self.constant(self.source) + self.rate * self.entry(i, j)

    def product(self, f: np.ndarray, g: np.ndarray) -> np.ndarray:
        """`f g`. Raises `LookupError` where its degree is above that of the polynomials."""
        out = np.zeros(len(self.exponents))
        for a, b in itertools.product(np.flatnonzero(f), np.flatnonzero(g)):
            e = tuple(x + y for x, y in zip(self.exponents[a], self.exponents[b], strict=True))
            out[self._place[e]] += f[a] * g[b]
        return out

    @cached_property
    def generator(self) -> np.ndarray:
        """`G` on coefficients."""
        columns = [self._generated(e) for e in self.exponents]
        return np.stack(columns, axis=1)

    def _generated(self, e: tuple[int, ...]) -> np.ndarray:
        total = np.zeros(len(self.exponents))
        for a, pair in enumerate(self.pairs):
            if e[a]:
                total += e[a] * self.product(self._monomial(e, a), self.variance(*pair))
            for b, other in enumerate(self.pairs):
                count = e[a] * (e[b] - (a == b))
                if count:
                    total += count / 2 * self.product(self._monomial(e, a, b), self._brackets[pair, other])
        return total

    def _monomial(self, e: tuple[int, ...], *less: int) -> np.ndarray:
        exponents = list(e)
        for a in less:
            exponents[a] -= 1
        vector = np.zeros(len(self.exponents))
        vector[self._place[tuple(exponents)]] = 1.0
        return vector

    @cached_property
    def _brackets(self) -> dict[tuple[Pair, Pair], np.ndarray]:
        """`d<V_ij, V_km>/dt` of every two entries."""
        return {(a, b): self._bracket(*a, *b) for a in self.pairs for b in self.pairs}

    def _bracket(self, i: int, j: int, k: int, m: int) -> np.ndarray:
        terms = ((i, k, j, m), (i, m, j, k), (j, k, i, m), (j, m, i, k))
        products = (self.product(self.entry(p, q), self.variance(r, s)) for p, q, r, s in terms)
        return np.sum(list(products), axis=0) / self.width

    def flow(self, t: float) -> np.ndarray:
        """`e^{t G}`: from coefficients of f to those of `V -> E[f(V_t) | V_0 = V]`."""
        from scipy.linalg import expm

        return expm(t * self.generator)

    def at(self, V: np.ndarray | Sequence[Sequence[float]]) -> np.ndarray:
        """The monomials at a Gram matrix (n, n): their product with coefficients is the value of a polynomial."""
        entries = np.array([np.asarray(V)[i][j] for i, j in self.pairs])
        return np.array([np.prod(entries ** np.array(e)) for e in self.exponents])
