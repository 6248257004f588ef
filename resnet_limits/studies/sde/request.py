"""What the study `sde` refuses, or warns of, before it is run: what one can know without reading data. Free of
torch."""

from __future__ import annotations

from collections.abc import Sequence

from ...data import sizes
from ...data.sources.gaussian import GaussianData
from ...errors import SettingError
from ..chosen import SUFFIX_OF_ALL_BELOW, asked_groups
from ..group import Group
from .outside import explodes, isotropic
from .settings import Sde


def check(settings: Sde, groups: Sequence[Group]) -> None:
    """Raise `SettingError` for a law that is not of independent layers, or inputs that there are not."""
    settings.init.require_layer("sde")
    if isotropic(settings) and not all(group.any_law for group in asked_groups(settings.claims, groups)):
        follow = ",".join(f"sde.{group.name}{SUFFIX_OF_ALL_BELOW}" for group in groups if group.any_law)
        raise SettingError(
            f"init={settings.init.name}: so far the networks of these claims alone have it; ask for claims=[{follow}]"
        )
    inputs, correlation = settings.sde.inputs, settings.sde.correlation
    if not isinstance(settings.data, GaussianData):
        sizes.require(settings.data, {"sde.inputs": inputs})
    elif inputs > 1 and correlation < -1 / (inputs - 1) - 1e-12:
        raise SettingError(
            f"sde.correlation={correlation}: {inputs} inputs cannot all have a cosine below {-1 / (inputs - 1):.4g}"
        )
    elif inputs > settings.width and not (correlation == 1 or (inputs == 2 and correlation == -1)):
        raise SettingError(
            f"sde.inputs={inputs}: that many inputs at equal angles need a width of at least {inputs}"
            + ("; take sde.inputs=1, or sde.correlation=1 or -1" if settings.width == 1 and inputs == 2 else "")
        )


def warnings(settings: Sde) -> list[str]:
    """A horizon beyond the explosion time of the setting's own networks."""
    reason = explodes(settings)
    return [f"{reason}: what is measured there grows without bound with depth"] if reason else []
