"""What the study `kernel` refuses, or warns of, before it is run: what one can know without reading data. Free of
torch."""

from __future__ import annotations

from ...data import sizes
from ...errors import SettingError
from .outside import limitless_kink, moments_explode_with, not_affine
from .settings import Kernel


def features(settings: Kernel) -> int:
    """`d_in`, the dimension of the points."""
    return settings.data.dimension()


def check(settings: Kernel) -> None:
    """Raise `SettingError` for a law that is not of i.i.d. entries, more points than there are, or a system that is
    singular whatever the data."""
    needs = "the kernels of study kernel are those of independent entries; choose init=iid"
    if (reason := settings.init.unless("isotropic", needs)) is not None:
        raise SettingError(reason)
    (points, new), d_in = sizes.numbers_of_points(settings.data), features(settings)
    if new == 0:
        raise SettingError("data.train_size: no test points are left, and study kernel looks at predictions on them")
    keys = settings.kernel
    sizes.require(settings.data, {"kernel.inputs": keys.inputs, "kernel.points": keys.points})
    linear = not_affine(settings) is None
    if settings.kernel.ridge == 0 and linear and points > d_in + 1:
        raise SettingError(
            f"kernel.ridge=0: the kernel of the doubly infinite network has rank at most d_in + 1 = {d_in + 1}, and"
            f" with {points} training points its system is singular; choose kernel.ridge > 0, or"
            f" data.train_size <= {d_in + 1}"
        )


def warnings(settings: Kernel) -> list[str]:
    """A setting whose networks have no limit in depth: a kink at 0, or a horizon beyond the blow-up time."""
    if (reason := limitless_kink(settings)) is not None:
        return [f"{reason}: only what needs none is measured of them"]
    reason = moments_explode_with(settings.activation, settings)
    return [f"{reason} (of a typical point): the kernels of the limit do not exist there"] if reason else []
