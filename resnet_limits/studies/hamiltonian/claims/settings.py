"""What lies outside the theorem, and what says that a minimiser or a shooting was not reached. Free of torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ....claims.claim import Verdict
from ....settings import KINKED, Hamiltonian

AS_FULL: Mapping[str, Verdict] = {"full": "supported", "smoke": "supported"}
SMOKE_IS_TOO_SMALL: Mapping[str, Verdict] = {"full": "supported", "smoke": "inconclusive"}


def kinked(settings: Hamiltonian) -> str | None:
    """Why the velocity field has no continuous derivatives, or None."""
    if settings.activation in KINKED and settings.hamiltonian.kernel == "features":
        return f"activation={settings.activation}: the theorem needs a feature map with continuous derivatives"
    return None


def not_reached(of: str, *, shooting: bool = True) -> Callable[[Any], str | None]:
    """For `Claim.unmet`: at which depth the minimiser, or the shooting, was not reached, and how far it got."""

    def unmet(records: Any) -> str | None:
        if "of" not in records:
            return None
        its = records[(records["of"] == of) & records["step"].isna()]
        missed = its[(its["observable"] == "reached") & (its["value"] < 1)]
        if len(missed):
            depth = int(missed["depth"].min())
            there = its[its["depth"] == depth]
            gradient, eigenvalue = (
                float(there[there["observable"] == name]["value"].mean())
                for name in ("relative_gradient", "smallest_eigenvalue")
            )
            return (
                f"no minimiser was reached at L={depth}: relative gradient norm {gradient:.1e}, smallest eigenvalue of"
                f" the Hessian {eigenvalue:.2g}; more minimiser.iterations, or a larger hamiltonian.nu"
            )
        missed = its[(its["observable"] == "shooting_reached") & (its["value"] < 1)]
        if shooting and len(missed):
            there = its[its["depth"] == missed["depth"].min()]
            residual, energy = (
                float(there[there["observable"] == name]["value"].mean())
                for name in ("shooting_residual", "shooting_energy")
            )
            return (
                f"the shooting did not hit: relative residual {residual:.1e}, energy {energy:.3g} of its path; more"
                " hamiltonian.steps, or a larger hamiltonian.nu"
            )
        return None

    return unmet
