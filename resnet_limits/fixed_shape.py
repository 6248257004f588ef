"""What is computed for one replica, the same bit for bit whichever others are computed with it.

    in_batches(torch.bmm, 64, R, Z, first=first_replica)       each call has 64 matrices, the last one padded

Libraries choose the kernel of a product or a transform by the number of matrices, rows or transforms they are given and
by where these lie in memory, and every kernel rounds in its own way. So here
- batches have one fixed shape, replica r has the same place in its batch whatever is cut where, and memory is aligned;
- few or short vectors are multiplied entry by entry, in an order of our own;
- equal rows (of one replica) that a kernel rounds differently are given the result of the first of them.

Of torch's other functions these are functions of an entry alone, or of what is summed, on every processor tried:
sums, means and norms over the last dimension of contiguous arrays, the basic operations, tanh, exp, log, erf, sqrt,
linear algebra matrix by matrix where each matrix is aligned alike. These are not, since what is left over of a vector
register is rounded by other instructions: silu, gelu, sigmoid and their derivatives (`networks.activations` has its
own), powers that are no integers, `var`, and sums over a leading dimension.

Where no number of a first replica is given, replicas are to be cut at multiples of the batch, as by `sampling.pieces`.
On a GPU all replicas make one batch: bits are promised for CPUs.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import forward_ad

ALIGNMENT = 64
"""Bytes: a cache line, and the largest vector register. torch's own memory is aligned so."""

BYTES_OF_FACTOR, PRODUCTS_OF_LARGEST_BATCH = 2**20, 4096
"""Of a factor or result of a batch of products, and products in a batch, at most: those of `sampling.pieces`."""

MULTIPLICATIONS = 2**22
"""In a batch of products: enough to make the call cheap, few enough for padding to be."""

MOST_TERMS_BY_ENTRY = 600
"""Multiplications up to which a product is done entry by entry: torch's batches of small products take as long."""


def in_batches(function: Callable[..., Tensor], size: int, *arrays: Tensor, first: int = 0) -> Tensor:
    """`function(*arrays)`, called with `size` replicas at a time, the first dimension of all; differentiable.

    `first` is the number of the first replica. What is missing of a batch is zero.
    """
    if arrays[0].is_cuda:
        return function(*arrays)
    r = len(arrays[0])
    before = first % size
    behind = -(before + r) % size
    if before or behind:
        arrays = tuple(_padded(a, before, behind) for a in arrays)
    parts = [function(*map(aligned, batch)) for batch in zip(*(a.split(size) for a in arrays), strict=True)]
    result = torch.cat(parts) if len(parts) != 1 else parts[0]
    return result[before : before + r] if before or behind else result


def batch_size(rows: int, inner: int, columns: int, dtype: torch.dtype) -> int:
    """Replicas in a batch of products (rows, inner) (inner, columns): a function of shapes and dtype alone."""
    numbers = max(rows * inner, inner * columns, rows * columns)
    fitting = min(
        BYTES_OF_FACTOR // (numbers * dtype.itemsize),
        MULTIPLICATIONS // (rows * inner * columns),
        PRODUCTS_OF_LARGEST_BATCH,
    )
    return 1 << (max(fitting, 1).bit_length() - 1)


def aligned(x: Tensor) -> Tensor:
    """`x` itself, or a copy, contiguous and at a multiple of `ALIGNMENT`."""
    if x.is_contiguous() and x.data_ptr() % ALIGNMENT == 0:
        return x
    return x.clone(memory_format=torch.contiguous_format)


def product(R: Float[Tensor, "r n m"], Z: Float[Tensor, "r m d"], *, first: int = 0) -> Float[Tensor, "r n d"]:
    """`R Z` of each replica; equal rows of R give equal rows."""
    n, m, d = *R.shape[1:], Z.shape[2]
    if n * m * d <= MOST_TERMS_BY_ENTRY or n == 1:
        return add_terms(R[:, :, :1] * Z[:, :1], R[:, :, 1:], Z[:, 1:])
    return equal_rows(R, in_batches(torch.bmm, batch_size(n, m, d, R.dtype), R, Z, first=first))


def add_product(
    y: Float[Tensor, "r n d"], R: Float[Tensor, "r n m"], Z: Float[Tensor, "r m d"], *, first: int = 0
) -> Float[Tensor, "r n d"]:
    """`y + R Z`, in the memory of y."""
    n, m, d = *R.shape[1:], Z.shape[2]
    if n * m * d <= MOST_TERMS_BY_ENTRY or n == 1:
        return add_terms(y, R, Z)
    return y.add_(product(R, Z, first=first))


def add_terms(
    y: Float[Tensor, "*b n d"], R: Float[Tensor, "*b n m"], Z: Float[Tensor, "*b m d"]
) -> Float[Tensor, "*b n d"]:
    """`y + R Z`, in the memory of y, entry by entry: whatever else is in the arrays, and wherever it is."""
    for j in range(R.shape[-1]):
        y.addcmul_(R[..., j : j + 1], Z[..., j : j + 1, :])
    return y


def inner(a: Float[Tensor, "r n d"], b: Float[Tensor, "r m d"], *, first: int = 0) -> Float[Tensor, "r n m"]:
    """`<a_i, b_j>`; equal vectors a have equal rows."""
    (n, d), m = a.shape[1:], b.shape[1]
    if n * m * d <= MOST_TERMS_BY_ENTRY:
        return torch.stack([(a * b[:, j : j + 1]).sum(dim=2) for j in range(m)], dim=2)
    return equal_rows(a, in_batches(lambda a, b: torch.bmm(a, b.mT), batch_size(n, d, m, a.dtype), a, b, first=first))


def gram(x: Float[Tensor, "r n d"], *, first: int = 0) -> Float[Tensor, "r n n"]:
    """`<x_i, x_j>`, symmetric up to rounding; of two equal vectors rows and columns may differ by it too."""
    n, d = x.shape[1:]
    if n * n * d > MOST_TERMS_BY_ENTRY:
        return in_batches(lambda x: torch.bmm(x, x.mT), batch_size(n, d, n, x.dtype), x, first=first)
    result = x.new_empty(len(x), n, n)
    for k in range(n):  # <x_i, x_{i + k}>
        along = (x[:, k:] * x[:, : n - k]).sum(dim=2)
        result.diagonal(k, 1, 2).copy_(along)
        if k:
            result.diagonal(-k, 1, 2).copy_(along)
    return result


def times(x: Float[Tensor, "r n d"], matrix: Float[Tensor, "d e"], *, first: int = 0) -> Float[Tensor, "r n e"]:
    """`x A` for one matrix that all replicas share; equal rows give equal rows."""
    matrix = aligned(matrix)
    size = batch_size(x.shape[1], matrix.shape[0], matrix.shape[1], x.dtype)
    return equal_rows(
        x, in_batches(lambda x: (x.flatten(0, 1) @ matrix).unflatten(0, x.shape[:2]), size, x, first=first)
    )


def cholesky(C: Float[Tensor, "r n n"], *, first: int = 0) -> tuple[Float[Tensor, "r n n"], Tensor]:
    """Cholesky's factor, and an integer above 0 where there is none: one call a matrix, so only memory matters."""
    before = 0 if C.is_cuda else first % 32  # 32 matrices of any size begin and end at a multiple of ALIGNMENT
    L, info = torch.linalg.cholesky_ex(_padded(C, before, 0) if before else C)
    return L[before:], info[before:]


def equal_rows(of: Float[Tensor, "r n m"], y: Float[Tensor, "r n d"]) -> Float[Tensor, "r n d"]:
    """`y` with each row whose row of `of` is that of an earlier one, bit for bit, made that one's.

    Nothing is done where derivatives are taken: what is equal may have different derivatives.
    """
    n = of.shape[1]
    if n == 1 or y.requires_grad or forward_ad.unpack_dual(y).tangent is not None:
        return y
    mark = of.contiguous().sum(dim=2)  # equal rows have equal sums, and few others
    pairs = (mark.unsqueeze(2) == mark.unsqueeze(1)).tril_(-1)
    if not bool(pairs.any()):
        return y
    r, later, earlier = pairs.nonzero().unbind(1)
    same = (of[r, later] == of[r, earlier]).all(dim=1)
    source = torch.arange(n, device=y.device).repeat(len(y))
    source.scatter_reduce_(0, (r * n + later)[same], earlier[same], "amin")
    return y.gather(1, source.view(-1, n, 1).expand_as(y))


def _padded(a: Tensor, before: int, behind: int) -> Tensor:
    return torch.cat([a.new_zeros(before, *a.shape[1:]), a, a.new_zeros(behind, *a.shape[1:])])
