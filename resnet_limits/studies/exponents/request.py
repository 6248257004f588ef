"""What the study `exponents` refuses before it is run. Free of torch."""

from __future__ import annotations

from ...data import sizes
from ...errors import SettingError
from ..chosen import meant
from .settings import Exponents
from .trained import claims as trained
from .trained.points import require_room


def check(settings: Exponents) -> None:
    """Raise `SettingError` for a law that is no path over depth, no beta or one twice, more inputs than are orthogonal,
    a search without room, and data that do not fit the networks that are trained."""
    settings.init.require_path("exponents")
    betas, keys = settings.scaling.beta, settings.exponents
    if not betas or len(set(betas)) < len(betas):
        raise SettingError(f"scaling.beta: expected one or more different numbers, got {betas}")
    if keys.inputs > settings.width:
        raise SettingError(
            f"exponents.inputs={keys.inputs}: a width of {settings.width} has no more than {settings.width} orthogonal"
            f" inputs; take exponents.inputs={settings.width}"
        )
    if not keys.lowest < keys.highest:
        raise SettingError(
            f"exponents.lowest={keys.lowest:g}: the search ends at exponents.highest={keys.highest:g}, and must begin"
            " below it"
        )
    sizes.require(settings.data, {"train.batch_size": settings.train.batch_size})
    require_room(settings)


def warnings(settings: Exponents) -> list[str]:
    """That networks of this depth are not trained, where that is asked for."""
    deepest = settings.exponents.trained.deepest
    ids = [claim.id for claim in trained.GROUP.claims]
    is_asked_for = settings.claims is None or any(meant(name, ids) for name in settings.claims)
    if settings.depth <= deepest or not is_asked_for:
        return []
    return [f"depth={settings.depth}: networks are trained up to exponents.trained.deepest={deepest}, and not here"]
