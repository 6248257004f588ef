"""`sde.functions`: the random functions x -> x_T that networks draw, and pictures of them. Free of torch.

The limit of `phi''(0) = 0` and psi = id is a linear SDE, x_T affine in x_0 (Peluchetti & Favaro 2020). A layer of the
network adds `phi(z) = phi'(0) z + O(z^3)`: second differences of the cubes are of size `h^(3/2)` and of mean 0 up to
`O(h^2)`, their sum over the layers is of size h (derived here).
"""

from __future__ import annotations

from ....claims.claim import Claim, Expected, Rival
from ....papers import PELUCHETTI
from ...group import Group
from ..outside import not_linear
from ..room import least_of_one

WORDS_OF_DRAWN_FUNCTIONS = {"own": "the network of the settings", "swish": "swish, sigma_w = sigma_b = T = 1"}

GROUP = Group(
    name="functions",
    title="Does the random function from input to output become affine as depth grows?",
    seconds=5.5,
    least=least_of_one,
    claims=(
        Claim(
            id="sde.functions",
            source=PELUCHETTI,
            statement="With phi''(0) = 0 and psi = id, second differences of the function from input to output fall"
            " at order 1",
            kind="derived",
            observable="second_difference",
            # their next term is of relative size h: 0.25 at depth 8
            expected=Expected("order", 1.0, 0.15, bend=0.3),
            outside=not_linear,
            random=True,
            rival=Rival("each input has a bias of its own: the bend stays", "S30-bias-of-each-input", -0.02106),
        ),
    ),
    memory=("width",),
    on_cpu=True,
    observables={
        "second_difference": "root mean square over replicas and coordinates of x_L(u) - 2 x_L(0) + x_L(-u) for a"
        " direction u, |u|^2 = D",
    },
    arrays={
        "functions.inputs": "inputs s in [-2, 2] along a direction, (points,)",
        "functions.grid": "inputs in each of two directions, (points,)",
        **{
            f"functions.{name}.{shape}.{which}": f"first coordinate of x_T, {words}: {of} of {what}"
            for name, words in WORDS_OF_DRAWN_FUNCTIONS.items()
            for shape, of in (("line", "draws (draws, points)"), ("plane", "a draw (points, points)"))
            for which, what in (("network", "the network"), ("sde", "the SDE, the same at every depth"))
        },
    },
)
