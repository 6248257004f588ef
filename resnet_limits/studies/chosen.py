"""Which claims the key `claims` asks for. Free of torch.

claims=[ode.trained]       the claim of this id, and no other, even where other ids begin so
claims=[ode.trained.*]     all whose ids begin so, that one too
claims=[ode.forward]       where no claim has this id: the same as ode.forward.*
claims=[kernel.drift]      where none begins so either: the claims of the group drift of study kernel

A group that is `by_name` is asked for where nothing else is meant: neither by all of a study nor by no list.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..claims.claim import Claim
from ..errors import SettingError, nearest
from .group import Group

SUFFIX_OF_ALL_BELOW = ".*"


def chosen_claims(names: Sequence[str] | None, groups: Sequence[Group]) -> list[Claim]:
    """The claims of a study that these names ask for, in its order; None: all. Raises `SettingError` for a name that
    asks for none."""
    claims = [claim for group in groups for claim in group.claims]
    if names is None:
        return [claim for group in groups if not group.by_name for claim in group.claims]
    if not names:
        raise SettingError("claims: an empty list asks for nothing; null asks for all")
    ids = {claim_id for name in names for claim_id in _required(name, groups)}
    return [claim for claim in claims if claim.id in ids]


def asked_groups(names: Sequence[str] | None, groups: Sequence[Group]) -> list[Group]:
    """The groups of these claims."""
    ids = {claim.id for claim in chosen_claims(names, groups)}
    return [group for group in groups if any(claim.id in ids for claim in group.claims)]


def meant(name: str, ids: Sequence[str]) -> list[str]:
    """Those of these ids that a name means: itself alone, else all that go on from it with a dot."""
    if name in ids:
        return [name]
    stem = name.removesuffix(SUFFIX_OF_ALL_BELOW)
    return [claim_id for claim_id in ids if (claim_id == stem and stem != name) or claim_id.startswith(f"{stem}.")]


def beginnings(ids: Sequence[str]) -> list[str]:
    """What ids begin with, up to a dot; the study and the ids themselves are none."""
    parts = [claim_id.split(".") for claim_id in ids]
    return list(dict.fromkeys(".".join(words[:n]) for words in parts for n in range(2, len(words))))


def _required(name: str, groups: Sequence[Group]) -> list[str]:
    ids = [claim.id for group in groups for claim in group.claims]
    of_group = {f"{ids[0].split('.')[0]}.{group.name}": [claim.id for claim in group.claims] for group in groups}
    if claim_ids := meant(name, ids) or of_group.get(name):
        aside = {claim.id for group in groups if group.by_name for claim in group.claims}
        return [claim_id for claim_id in claim_ids if claim_id not in aside] or claim_ids
    valid = list(dict.fromkeys([*ids, *beginnings(ids), *of_group]))
    study = ids[0].split(".")[0]
    raise SettingError(
        f"claims: unknown claim '{name}'{nearest(name, valid) or ';'} the study {study} has {len(ids)},"
        f" which reslim studies {study} claims lists"
    )
