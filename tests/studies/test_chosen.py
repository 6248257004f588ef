"""A word of the key `claims` means a claim alone, or all that begin so."""

from __future__ import annotations

import pytest

from resnet_limits.errors import SettingError
from resnet_limits.settings.registry import STUDIES
from resnet_limits.studies import study as studies
from resnet_limits.studies.chosen import beginnings

IDS = [(name, claim.id) for name in STUDIES for claim in studies.get(name).claims]
BEGINNINGS = [
    (name, beginning) for name in STUDIES for beginning in beginnings([claim.id for claim in studies.get(name).claims])
]


def of(study: str, *names: str) -> list[str]:
    return [claim.id for claim in studies.get(study).chosen(list(names))]


def below(study: str, name: str) -> list[str]:
    return [claim.id for claim in studies.get(study).claims if f"{claim.id}.".startswith(f"{name}.")]


@pytest.mark.parametrize(("study", "beginning"), IDS)
def test_an_id_means_that_claim_alone_and_a_star_all_below_it_too(study: str, beginning: str):
    assert of(study, beginning) == [beginning]
    assert of(study, f"{beginning}.*") == below(study, beginning)


@pytest.mark.parametrize(("study", "beginning"), BEGINNINGS)
def test_a_beginning_that_is_no_id_means_all_that_begin_so(study: str, beginning: str):
    assert of(study, f"{beginning}.*") == below(study, beginning)
    if (study, beginning) not in IDS:
        assert of(study, beginning) == below(study, beginning)


@pytest.mark.parametrize("study", STUDIES)
def test_a_study_means_all_of_its_sweep_and_so_does_no_list(study: str):
    aside = {claim.id for group in studies.get(study).groups if group.by_name for claim in group.claims}
    expected = [claim_id for claim_id in below(study, study) if claim_id not in aside]
    assert of(study, study) == [claim.id for claim in studies.get(study).chosen(None)] == expected


def test_a_group_that_is_asked_for_by_name_is_meant_by_its_own_name_alone():
    robustness = list(studies.get("hamiltonian").parts["robustness"])
    assert of("hamiltonian", "hamiltonian.robustness") == robustness
    assert of("hamiltonian", robustness[0]) == robustness[:1]
    assert not set(of("hamiltonian", "hamiltonian.*")) & set(robustness)
    assert set(of("hamiltonian", "hamiltonian", "hamiltonian.robustness")) > set(robustness)


def test_a_group_is_asked_for_by_its_name_where_no_id_begins_so():
    assert of("kernel", "kernel.drift") == list(studies.get("kernel").parts["drift"])
    assert of("gamma", "gamma.limit", "gamma.value") == list(studies.get("gamma").parts["limit"])


def test_claims_are_those_of_all_the_names_in_the_order_of_the_study():
    assert of("hamiltonian", "hamiltonian.energy", "hamiltonian.norm") == ["hamiltonian.norm", "hamiltonian.energy"]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("ode.traind", "ode.trained"),
        ("ode.forwrd", "ode.forward"),
        ("ode.foward.heun", "ode.forward.heun"),
        ("ode.trained_idi", "ode.trained_iid"),
        ("ode.for", "ode.forward"),
    ],
)
def test_a_name_of_no_claim_is_refused_with_the_nearest(name: str, nearest: str):
    with pytest.raises(SettingError, match=rf"^claims: unknown claim '{name}'.*did you mean '{nearest}'"):
        of("ode", name)


@pytest.mark.parametrize("name", ["ode.trained.none", "ode.rough.*.*", "*", ".*", "ode.", ""])
def test_what_begins_no_id_is_refused(name: str):
    with pytest.raises(SettingError, match=r"^claims: unknown claim"):
        of("ode", name)


def test_an_empty_list_is_refused():
    with pytest.raises(SettingError, match="empty list"):
        of("ode")
