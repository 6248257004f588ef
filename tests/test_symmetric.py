"""Products of an array and its own transpose."""

from __future__ import annotations

import pytest
import torch

from resnet_limits.symmetric import symmetric_product
from tests.normals import normals


@pytest.mark.parametrize(("n", "m"), [(1, 1), (7, 3), (40, 200), (300, 11)])
def test_it_is_the_product_and_symmetric_to_the_last_bit(n: int, m: int):
    x = normals(n, m)
    for of in (x, x.T, x[::2, 1:] if m > 1 else x):
        product = symmetric_product(of)
        torch.testing.assert_close(product, of @ of.T, rtol=1e-12, atol=1e-12)
        assert torch.equal(product, product.T)


def test_it_is_differentiable():
    assert torch.autograd.gradcheck(symmetric_product, normals(3, 4).requires_grad_())
