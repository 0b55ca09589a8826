"""Roles at the page: each verb in one class, and what is in none is closed."""

from __future__ import annotations

import pytest

from entente.desk.service import VERBS
from entente.kernel.errors import Denied, Malformed
from entente.web.roles import CHIEF, DUTY, LOOK, RELEASE, ROLES, VERBS_OF, check_role, find_role, parse_roles


def test_every_verb_of_the_desk_stands_in_exactly_one_class() -> None:
    listed = [verb for verbs in VERBS_OF.values() for verb in verbs]
    assert len(listed) == len(set(listed))
    assert set(VERBS) - set(listed) == set(), "a new verb: say in roles.py who may ask for it"
    assert set(VERBS_OF) == set(ROLES)


def test_what_changes_something_is_not_for_who_only_looks() -> None:
    assert [name for name, verb in VERBS.items() if not verb.is_reading and find_role(name) == LOOK] == []


def test_a_verb_of_no_class_is_refused() -> None:
    for verb in ("launch", "", "notify "):
        with pytest.raises(Denied, match="no-role"):
            check_role(verb, "duty-1", frozenset(ROLES))


@pytest.mark.parametrize(
    ("verb", "role"),
    (("inbox", LOOK), ("acknowledge", DUTY), ("release-belief", RELEASE), ("sign-agreement", CHIEF)),
)
def test_one_role_does_not_stand_for_another(verb: str, role: str) -> None:
    check_role(verb, "duty-1", frozenset({role}))
    with pytest.raises(Denied, match=f"'{role}'"):
        check_role(verb, "duty-1", frozenset(ROLES) - {role})


def test_an_unknown_role_is_refused_and_everybody_looks() -> None:
    assert parse_roles([]) == {LOOK}
    with pytest.raises(Malformed, match="unknown-role"):
        parse_roles(["admin"])
