"""One layer's action on several vectors has the law of full matrices, in mean and covariance of all pairs.

Each bound fails with probability below 1e-6 (`naive.ERROR`) for a right sampler; seeds are fixed.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from resnet_limits.errors import SettingError
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.paths.laws.matrix_normal import MatrixNormalLaw
from resnet_limits.paths.laws.tied import TiedLaw
from resnet_limits.random import Stream
from resnet_limits.sampling.layer_law import Isotropic, Law
from resnet_limits.sampling.matrix_normal import MatrixNormal
from resnet_limits.sampling.of_init import law_of
from tests.sampling.naive import points, weights, worst_deviation

REPLICAS, H = 20_000, 0.3
STREAM = Stream(0, "test", 3)
ISOTROPIC = Isotropic(1.3, 0.7)
BIASED = torch.tensor([1.0, 1.0, 0.0])


def acted(law: Law, vectors: Tensor, biased: Tensor) -> Tensor:
    return law.act(vectors.expand(REPLICAS, -1, -1), biased, H, STREAM)


def isotropic_covariance(law: Isotropic, vectors: Tensor, biased: Tensor) -> Tensor:
    """`Cov(z^i_a, z^j_c) = h 1{a=c} (sigma_b^2 c_i c_j + sigma_w^2 <f_i, f_j>/d)`, flat in (i, a)."""
    c = biased.to(vectors)
    gram = law.sigma_b**2 * torch.outer(c, c) + law.sigma_w**2 * vectors @ vectors.T / vectors.shape[-1]
    return H * torch.kron(gram, torch.eye(vectors.shape[-1], dtype=torch.float64))


def general(width: int) -> MatrixNormal:
    def covariance(seed: int) -> Tensor:
        root = points(width, width, seed)
        return root @ root.T / width

    return MatrixNormal(points(width, width, 1), points(1, width, 2)[0], covariance(3), covariance(4), covariance(5))


@pytest.mark.parametrize("n", [1, 2, 3, 6])
@pytest.mark.parametrize("width", [1, 3, 40])
def test_means_and_covariances_of_all_pairs(n, width):
    """States and tangents together; n > width and wide enough for each kind of basis."""
    vectors, biased = points(n, width), torch.arange(n).remainder(3).ne(2).float()
    z = acted(ISOTROPIC, vectors, biased).flatten(1)
    assert worst_deviation(z, torch.zeros(n * width), isotropic_covariance(ISOTROPIC, vectors, biased)) < 1


def test_same_law_as_full_matrices():
    """The formula that the others are held against, against matrices drawn entry by entry."""
    vectors = points(3, 3)
    W, b = weights(REPLICAS, 3, ISOTROPIC.sigma_w, ISOTROPIC.sigma_b, H, seed=1)
    z = (vectors @ W.mT + BIASED.double()[:, None] * b).flatten(1)
    assert worst_deviation(z, torch.zeros(9), isotropic_covariance(ISOTROPIC, vectors, BIASED)) < 1


@pytest.mark.parametrize("fault", ["independent inputs", "dt for sqrt(dt)", "no bias", "bias on tangents"])
def test_faults_are_seen(fault):
    vectors, expected = points(3, 3), isotropic_covariance(ISOTROPIC, points(3, 3), BIASED)
    if fault == "independent inputs":
        streams = [STREAM.part(f" {i}") for i in range(3)]
        each = [
            ISOTROPIC.act(vectors[i : i + 1].expand(REPLICAS, -1, -1), BIASED[i : i + 1], H, streams[i])
            for i in range(3)
        ]
        z = torch.cat(each, dim=1)
    elif fault == "dt for sqrt(dt)":
        z = ISOTROPIC.act(vectors.expand(REPLICAS, -1, -1), BIASED, H**2, STREAM)
    else:
        z = acted(ISOTROPIC, vectors, torch.zeros(3) if fault == "no bias" else torch.ones(3))
    assert worst_deviation(z.flatten(1), torch.zeros(9), expected) > 1


@pytest.mark.parametrize("n", [1, 3, 5])
def test_matrix_normal(n):
    width, vectors, biased = 4, points(n, 4), torch.arange(n).remainder(3).ne(2).float()
    law, c = general(width), biased.double()
    z = acted(law, vectors, biased).flatten(1)
    mean = H * (vectors @ law.mu.T + c[:, None] * law.mu_b).flatten()
    covariance = H * (torch.kron(vectors @ law.V @ vectors.T, law.U) + torch.kron(torch.outer(c, c), law.S))
    assert worst_deviation(z, mean, covariance) < 1
    # What the Ito drift is made of.
    states = torch.ones(n)
    z = acted(law, vectors, states).view(REPLICAS, n, width)
    unit = vectors[None].expand(2, -1, -1)
    torch.testing.assert_close(
        law.variance(unit)[0],
        torch.einsum("ab,nb->na", torch.zeros(width, width, dtype=torch.float64), vectors)
        + torch.outer((vectors @ law.V * vectors).sum(1), law.U.diagonal())
        + law.S.diagonal(),
    )
    assert (
        worst_deviation(
            z.flatten(1),
            H * law.mean(unit)[0].flatten(),
            H * (torch.kron(vectors @ law.V @ vectors.T, law.U) + torch.kron(torch.ones(n, n).double(), law.S)),
        )
        < 1
    )
    spread = (z - H * law.mean(unit)[0]).square().mean(dim=0)
    torch.testing.assert_close(spread, H * law.variance(unit)[0], rtol=6 * math.sqrt(2 / REPLICAS), atol=0)


def test_laws_of_settings():
    """`matrix_normal` without mean and correlation is `iid`, in law; others are refused with the names that go."""
    assert law_of(IidLaw(sigma_w=1.3, sigma_b=0.7), 3) == ISOTROPIC
    vectors = points(3, 3)
    plain = law_of(MatrixNormalLaw(sigma_w=1.3, sigma_b=0.7, rows=0.0, columns=0.0), 3)
    z = acted(plain, vectors, BIASED).flatten(1)
    assert worst_deviation(z, torch.zeros(9), isotropic_covariance(ISOTROPIC, vectors, BIASED)) < 1
    law = law_of(MatrixNormalLaw(sigma_w=2.0, sigma_b=0.5, mean_w=0.3, mean_b=-1.0, rows=0.5, columns=-0.2), 3)
    assert isinstance(law, MatrixNormal)
    torch.testing.assert_close(law.U[0], torch.tensor([1, 0.5, 0.25], dtype=torch.float64))
    torch.testing.assert_close(law.V[0], torch.tensor([1, -0.2, 0.04], dtype=torch.float64) * 4 / 3)
    torch.testing.assert_close(law.S, 0.25 * law.U)
    torch.testing.assert_close(law.mean(vectors[None])[0], 0.3 * vectors - 1)
    with pytest.raises(SettingError, match="init=iid"):
        law_of(TiedLaw(), 3)
    with pytest.raises(SettingError, match="covariance U"):
        MatrixNormal(law.mu, law.mu_b, -law.U, law.V, law.S)


@pytest.mark.parametrize("law", [ISOTROPIC, general(5)], ids=["isotropic", "matrix normal"])
@pytest.mark.parametrize("forward", [1, 2, 5])
def test_transposed_action_given_the_forward_one(law, forward):
    """Joint moments of `W f_i` and `W^T a_j`, costates given: exact identity, and covariances of full matrices."""
    f, a, biased = points(forward, 5, 6), points(2, 5, 7), torch.ones(forward)
    drawn = law.draw(f.expand(REPLICAS, -1, -1), biased, H, STREAM)
    back = law.transposed(a.expand(REPLICAS, -1, -1), drawn, H, STREAM.part(" backward"))
    if isinstance(law, Isotropic):
        eye = torch.eye(5, dtype=torch.float64)
        law = MatrixNormal(0 * eye, 0 * eye[0], eye, law.sigma_w**2 / 5 * eye, law.sigma_b**2 * eye)
    mean = H * torch.cat([(f @ law.mu.T + law.mu_b).flatten(), (a @ law.mu).flatten()])
    # Cov(W_ij, W_kl) = h U_ik V_jl: z = W f, y = W^T a.
    zz = torch.kron(f @ law.V @ f.T, law.U) + torch.kron(torch.ones(forward, forward).double(), law.S)
    yy = torch.kron(a @ law.U @ a.T, law.V)
    zy = torch.einsum("nb,bq,ap,cp->nacq", f, law.V, law.U, a).reshape(forward * 5, 2 * 5)
    covariance = H * torch.cat([torch.cat([zz, zy], dim=1), torch.cat([zy.T, yy], dim=1)])
    joint = torch.cat([drawn.z.flatten(1), back.flatten(1)], dim=1)
    assert worst_deviation(joint, mean, covariance) < 1


def test_transposed_action_agrees_with_the_forward_one_on_its_span():
    """`<a, W f> = <W^T a, f>` replica by replica, where no bias is in the way."""
    f, a = points(2, 5, 6).expand(64, -1, -1), points(3, 5, 7).expand(64, -1, -1)
    for law in (ISOTROPIC, general(5)):
        drawn = law.draw(f, torch.zeros(2), H, STREAM)
        back = law.transposed(a, drawn, H, STREAM.part(" backward"))
        torch.testing.assert_close(a @ drawn.z.mT, back @ f.mT, rtol=1e-12, atol=1e-12)


def test_act_and_draw_are_the_same_sample():
    for n in (1, 2, 3):
        f = points(n, 40).expand(8, -1, -1)
        for law in (ISOTROPIC, general(40)):
            acts = law.act(f, torch.ones(n), H, STREAM)
            torch.testing.assert_close(law.draw(f, torch.ones(n), H, STREAM).z, acts, rtol=1e-10, atol=1e-10)
