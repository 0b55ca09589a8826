"""Which role a verb wants of the officer who is signed in at the page.

    look     see what the desk knows, but for the private shelves of release
    duty     acknowledge, read back, notify, talk, declare, report
    release  plan and approve releases, use blind checks, see what a release would teach
    chief    speak for the party on agreements and rules; invite officers, give roles, end sessions

Invariants: deny by default: a verb that stands in no class is refused to everybody
(tests/unit/test_web_roles.py: each verb of the desk stands in exactly one); each officer who may sign in
looks; the other roles hold nothing of each other.

Roles here say what a *page* lets an officer do. What a kind of message asks of its officers is the record's
own rule and holds besides. Whoever holds the desk's token (its command line) is not asked for a role.

    >>> check_role("acknowledge", "duty-1", frozenset({"look"}))
    Traceback (most recent call last):
    entente.kernel.errors.Denied: acknowledge: expected an officer with the role 'duty', got 'duty-1' with
    look
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from entente.kernel.errors import Denied, Malformed

LOOK: Final = "look"
DUTY: Final = "duty"
RELEASE: Final = "release"
CHIEF: Final = "chief"
ROLES: Final = (LOOK, DUTY, RELEASE, CHIEF)

VERBS_OF: Final[dict[str, frozenset[str]]] = {
    LOOK: frozenset(
        {
            *("status", "inbox", "alarms", "confrontations", "outbox", "plans", "threads", "readouts"),
            *("pulse", "done", "subject"),
            *(
                "agreements",
                "agreement",
                "agreement-text",
                "holding",
                "zone",
                "site",
                "incidents",
                "incident",
            ),
            *("thread", "readout", "ladder", "message", "messages", "exposures", "doctor", "suggest"),
            *("blind-zoomed", "blind-items", "blind-runs", "blind-run", "blind-rules", "blind-budget"),
            *("blind-explain", "release-items", "release-rules"),
            *("terms-files", "terms-file", "terms-ask", "terms-progress", "terms-stop", "terms-example"),
            *("picture", "picture-volumes", "moment", "moments", "try", "corridor"),
            *("lanes", "conflict", "conflicts"),
            *("record", "record-entry", "record-proof", "record-keys", "record-leaves", "record-bundle"),
        }
    ),
    DUTY: frozenset(
        {
            *("notify", "update", "close", "concur", "object", "reconsider", "counter", "decline", "see"),
            *("declare-zone", "vouch", "withdraw-zone", "declare-site", "verify-site", "reconfirm-site"),
            *("withdraw-site", "incident-report", "incident-answer", "acknowledge", "read-back", "confirm"),
            *("dispute", "say", "translate", "propose-readout", "sign-readout", "dissent-readout"),
            *("report-incident", "answer-incident", "store-plan", "drop-plan", "dismiss"),
            *("terms-load", "terms-drop"),
            "withdraw-message",
        }
    ),
    RELEASE: frozenset(
        {
            *(
                "release-load",
                "release-drop",
                "release-shelf",
                "release-report",
                "release-plan",
                "release-plans",
            ),
            *("release-send", "release-withdraw", "release-explain", "release-ledger", "release-belief"),
            *("release-check", "release-recall", "release-ask", "release-grant", "release-pass"),
            *("release-holders", "release-as"),
            *("release-onward", "blind-plan", "blind-prepare", "blind-check", "blind-zoom"),
        }
    ),
    CHIEF: frozenset(
        {
            *("propose-agreement", "sign-agreement", "refuse-agreement", "move-reset", "move-extension"),
            *("consent", "take-step", "suspend-agreement", "resume-agreement", "withdraw-agreement"),
            *("blind-propose", "blind-agree", "blind-refuse", "blind-end", "blind-open"),
            *("release-propose", "release-agree", "release-end"),
        }
    ),
}
"""Each verb of the desk, by the role that it wants."""


def find_role(verb: str) -> str | None:
    """Return the role that a verb wants; None: nobody may ask for it at the page."""
    return next((role for role, verbs in VERBS_OF.items() if verb in verbs), None)


def check_role(verb: str, officer: str, roles: frozenset[str]) -> None:
    """Return if an officer may ask for a verb; raise `Denied` saying what he lacks."""
    wanted = find_role(verb)
    # SECURITY: what is in no class is refused, so that a new verb is closed until somebody says for whom it
    # is (tests/unit/test_web_roles.py, test_a_verb_of_no_class_is_refused).
    if wanted is None or wanted not in roles:
        raise Denied(
            "no-role",
            f"{verb[:40]}: expected an officer with the role {wanted or 'of nobody'!r}, "
            f"got {officer!r} with {', '.join(role for role in ROLES if role in roles) or 'none'}",
        )


def list_verbs(roles: Iterable[str]) -> list[str]:
    """Return every verb that these roles may ask for."""
    return sorted(verb for role in set(roles) for verb in VERBS_OF.get(role, ()))


def parse_roles(wanted: Iterable[str]) -> frozenset[str]:
    """Return roles as they are kept, looking always among them; raise `Malformed` for a word that is none."""
    found = frozenset(wanted) | {LOOK}
    unknown = sorted(found - set(ROLES))
    if unknown:
        raise Malformed(
            "unknown-role", f"roles: expected some of {', '.join(ROLES)}, got {unknown[0]!r}", path="$.roles"
        )
    return found
