"""Every verb of a desk, by name: one table for the local interface, the command line and the page.

Invariants: a verb gets a checked request and gives JSON-able values; an error changes nothing; whoever holds
the desk's token may call every verb: which officer acts is in the request, and in the message that is signed.

    >>> call(desk, "acknowledge", b'{"officer":"duty-1","messages":["17"]}')
    {'number': 4, 'kind': 'receipt.acknowledge', 'state': 'recorded', ...}
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from entente.desk import (
    agreeing,
    browsing,
    confronting,
    looking,
    placing,
    proving,
    speaking,
    suggesting,
    talking,
)
from entente.desk import requests as ask
from entente.desk.assembly import Desk
from entente.desk.blind import explain as blind_explain
from entente.desk.blind import opening as blind_opening
from entente.desk.blind import requests as blind
from entente.desk.blind import verbs as blind_verbs
from entente.desk.blind import views as blind_views
from entente.desk.doctor import examine, is_fit
from entente.desk.done import DoneRequest, list_done
from entente.desk.picture import geojson, lanes, moments, story, trying
from entente.desk.picture import requests as picture
from entente.desk.picture import verbs as picture_verbs
from entente.desk.release import explain as release_explain
from entente.desk.release import holders as release_holders
from entente.desk.release import recalling as release_recalling
from entente.desk.release import requests as release
from entente.desk.release import seen as release_seen
from entente.desk.release import terms as release_terms
from entente.desk.release import verbs as release_verbs
from entente.desk.release import views as release_views
from entente.desk.speaking import say_what_became
from entente.desk.terms_room import verbs as terms_verbs
from entente.kernel.errors import NotFound
from entente.kernel.wire import WireStruct


@dataclass(frozen=True, slots=True)
class Verb:
    """What can be asked. ``is_reading``: it changes nothing, and may be asked with GET."""

    request: type[WireStruct]
    act: Callable[[Desk, Any], Any]
    is_reading: bool = False


def store_plan(desk: Desk, request: ask.PlanRequest) -> Any:  # noqa: ANN401 - JSON
    """Keep a private plan, and hold at once what was told against it."""
    plan = desk.plans.store(request.activity, request.volumes, officer=request.officer)
    reviews = desk.plans.review() if desk.follower.is_followed else []
    return {"plan": plan, "differences": [text for one in reviews for text in one.differences]}


def drop_plan(desk: Desk, request: ask.NameRequest) -> Any:  # noqa: ANN401 - JSON
    """Forget a private plan."""
    desk.plans.drop(request.name)
    return {"dropped": request.name}


def dismiss(desk: Desk, request: ask.DismissRequest) -> Any:  # noqa: ANN401 - JSON
    """Take an alarm down, in an officer's name and for a reason."""
    speaking.check_officer(desk, request.officer)
    desk.board.dismiss(request.alarm, officer=request.officer, why=request.why)
    return {"dismissed": request.alarm}


def withdraw_message(desk: Desk, request: ask.WithdrawMessageRequest) -> Any:  # noqa: ANN401 - JSON
    """Take back a message that is not signed yet."""
    speaking.check_officer(desk, request.officer)
    return say_what_became(desk, desk.outbox.withdraw(request.number))


def _doctor(desk: Desk, _request: ask.NothingRequest) -> Any:  # noqa: ANN401 - JSON
    checks = examine(desk)
    return {"is_fit": is_fit(checks), "checks": checks}


def _reading(look: Callable[[Desk], Any]) -> Verb:
    return Verb(ask.NothingRequest, lambda desk, _request: look(desk), is_reading=True)


VERBS: Final[dict[str, Verb]] = {
    "notify": Verb(ask.NotifyRequest, speaking.notify),
    "update": Verb(ask.UpdateRequest, speaking.update),
    "close": Verb(ask.CloseRequest, speaking.close),
    "concur": Verb(ask.ConcurRequest, speaking.concur),
    "object": Verb(ask.ObjectRequest, speaking.object_to),
    "reconsider": Verb(ask.ReconsiderRequest, speaking.reconsider),
    "counter": Verb(ask.CounterRequest, speaking.counter),
    "decline": Verb(ask.DeclineRequest, speaking.decline),
    "see": Verb(ask.SeeRequest, speaking.see),
    "declare-zone": Verb(placing.DeclareZoneRequest, placing.declare_zone),
    "vouch": Verb(placing.VouchRequest, placing.vouch),
    "withdraw-zone": Verb(placing.WithdrawZoneRequest, placing.withdraw_zone),
    "declare-site": Verb(placing.DeclareSiteRequest, placing.declare_site),
    "verify-site": Verb(placing.VerifySiteRequest, placing.verify_site),
    "reconfirm-site": Verb(placing.ReconfirmSiteRequest, placing.reconfirm_site),
    "withdraw-site": Verb(placing.WithdrawSiteRequest, placing.withdraw_site),
    "incident-report": Verb(placing.IncidentReportRequest, placing.report_incident),
    "incident-answer": Verb(placing.IncidentAnswerRequest, placing.answer_incident),
    "acknowledge": Verb(ask.AcknowledgeRequest, speaking.acknowledge),
    "read-back": Verb(ask.ReadBackRequest, speaking.read_back),
    "confirm": Verb(ask.ConfirmRequest, speaking.confirm),
    "dispute": Verb(ask.DisputeRequest, speaking.dispute),
    "say": Verb(ask.SayRequest, speaking.say),
    "translate": Verb(ask.TranslateRequest, speaking.translate),
    "propose-readout": Verb(ask.ProposeReadoutRequest, speaking.propose_readout),
    "sign-readout": Verb(ask.SignReadoutRequest, speaking.sign_readout),
    "dissent-readout": Verb(ask.DissentReadoutRequest, speaking.dissent_readout),
    "propose-agreement": Verb(agreeing.ProposeAgreementRequest, agreeing.propose),
    "sign-agreement": Verb(agreeing.SignAgreementRequest, agreeing.sign),
    "refuse-agreement": Verb(agreeing.RefuseAgreementRequest, agreeing.refuse),
    "report-incident": Verb(agreeing.IncidentRequest, agreeing.report_incident),
    "answer-incident": Verb(agreeing.AnswerIncidentRequest, agreeing.answer_incident),
    "move-reset": Verb(agreeing.ResetRequest, agreeing.move_reset),
    "move-extension": Verb(agreeing.ExtendRequest, agreeing.move_extension),
    "consent": Verb(agreeing.ConsentRequest, agreeing.consent),
    "take-step": Verb(agreeing.StepRequest, agreeing.take_step),
    "suspend-agreement": Verb(agreeing.SuspendRequest, agreeing.suspend),
    "resume-agreement": Verb(agreeing.ResumeRequest, agreeing.resume),
    "withdraw-agreement": Verb(agreeing.WithdrawAgreementRequest, agreeing.withdraw),
    "blind-propose": Verb(blind.BlindProposeRequest, blind_verbs.propose),
    "blind-agree": Verb(blind.BlindAgreeRequest, blind_verbs.agree),
    "blind-refuse": Verb(blind.BlindRefuseRequest, blind_verbs.refuse),
    "blind-end": Verb(blind.BlindEndRequest, blind_verbs.end),
    "blind-plan": Verb(blind.BlindPlanRequest, blind_verbs.change_plan),
    "blind-prepare": Verb(blind.BlindPrepareRequest, blind_verbs.prepare),
    "blind-check": Verb(blind.BlindCheckRequest, blind_verbs.check),
    "blind-zoom": Verb(blind.BlindZoomRequest, blind_verbs.zoom),
    "blind-zoomed": Verb(blind.BlindZoomsRequest, blind_verbs.look_zoom, is_reading=True),
    "blind-open": Verb(blind.BlindOpenRequest, blind_opening.open_epoch),
    "blind-items": Verb(blind.BlindItemsRequest, blind_verbs.list_items, is_reading=True),
    "blind-runs": Verb(blind.BlindRunsRequest, blind_views.list_runs, is_reading=True),
    "blind-run": Verb(blind.BlindRunRequest, blind_verbs.get_run, is_reading=True),
    "blind-rules": Verb(blind.BlindRulesRequest, blind_views.list_rules, is_reading=True),
    "blind-budget": Verb(blind.BlindBudgetRequest, blind_views.get_budget, is_reading=True),
    "blind-explain": Verb(blind.BlindExplainRequest, blind_explain.explain, is_reading=True),
    "release-load": Verb(release.ReleaseLoadRequest, release_verbs.load),
    "release-drop": Verb(release.ReleaseDropRequest, release_verbs.drop),
    "release-shelf": Verb(release.ReleaseShelfRequest, release_views.list_shelves, is_reading=True),
    "release-report": Verb(release.ReleaseReportRequest, release_views.get_report, is_reading=True),
    "release-plan": Verb(release.ReleasePlanRequest, release_verbs.plan),
    "release-plans": Verb(release.ReleasePlansRequest, release_views.list_plans, is_reading=True),
    "release-send": Verb(release.ReleaseSendRequest, release_verbs.approve),
    "release-withdraw": Verb(release.ReleaseWithdrawRequest, release_verbs.withdraw),
    "release-explain": Verb(release.ReleaseExplainRequest, release_explain.explain, is_reading=True),
    "release-ledger": Verb(release.ReleaseLedgerRequest, release_verbs.look_ledger, is_reading=True),
    "release-belief": Verb(release.ReleaseBeliefRequest, release_verbs.look_belief, is_reading=True),
    "release-check": Verb(ask.NothingRequest, release_verbs.check_ledger, is_reading=True),
    "release-items": Verb(release.ReleaseItemsRequest, release_views.list_items, is_reading=True),
    "release-holders": Verb(release.ReleaseHoldersRequest, release_holders.list_holders, is_reading=True),
    "release-as": Verb(release.ReleaseAsRequest, release_seen.look_as, is_reading=True),
    "release-recall": Verb(release.ReleaseRecallRequest, release_recalling.recall),
    "release-ask": Verb(release.ReleaseAskRequest, release_verbs.ask_onward),
    "release-grant": Verb(release.ReleaseGrantRequest, release_verbs.grant),
    "release-pass": Verb(release.ReleasePassRequest, release_verbs.pass_on),
    "release-onward": Verb(release.ReleaseOnwardRequest, release_views.list_onward, is_reading=True),
    "release-propose": Verb(release.ReleaseProposeRequest, release_terms.propose),
    "release-agree": Verb(release.ReleaseAgreeRequest, release_terms.agree),
    "release-end": Verb(release.ReleaseEndRequest, release_terms.end),
    "release-rules": Verb(release.ReleaseRulesRequest, release_terms.list_rules, is_reading=True),
    "store-plan": Verb(ask.PlanRequest, store_plan),
    "drop-plan": Verb(ask.NameRequest, drop_plan),
    "dismiss": Verb(ask.DismissRequest, dismiss),
    "withdraw-message": Verb(ask.WithdrawMessageRequest, withdraw_message),
    "status": _reading(looking.get_status),
    "pulse": _reading(looking.get_pulse),
    "inbox": _reading(looking.list_inbox),
    "done": Verb(DoneRequest, list_done, is_reading=True),
    "alarms": _reading(looking.list_alarms),
    "confrontations": _reading(confronting.list_confrontations),
    "suggest": Verb(suggesting.SuggestRequest, suggesting.suggest_shift, is_reading=True),
    "outbox": _reading(looking.list_outbox),
    "plans": _reading(looking.list_plans),
    "threads": _reading(talking.list_threads),
    "subject": Verb(talking.SubjectRequest, talking.find_subject, is_reading=True),
    "readouts": _reading(looking.list_readouts),
    "agreements": _reading(agreeing.list_agreements),
    "agreement": Verb(agreeing.AgreementRequest, agreeing.get_agreement, is_reading=True),
    "agreement-text": Verb(agreeing.AgreementRequest, agreeing.get_agreement_text, is_reading=True),
    "holding": Verb(placing.HoldingRequest, placing.get_holding, is_reading=True),
    "zone": Verb(placing.PlaceRequest, placing.get_zone, is_reading=True),
    "site": Verb(placing.PlaceRequest, placing.get_site, is_reading=True),
    "incidents": _reading(placing.list_incidents),
    "incident": Verb(placing.PlaceRequest, placing.get_incident, is_reading=True),
    "thread": Verb(ask.NameRequest, talking.get_thread, is_reading=True),
    "readout": Verb(ask.NameRequest, looking.get_readout, is_reading=True),
    "ladder": Verb(ask.MessageRequest, looking.get_ladder, is_reading=True),
    "message": Verb(ask.MessageRequest, looking.get_message, is_reading=True),
    "messages": Verb(ask.PageRequest, looking.list_messages, is_reading=True),
    "exposures": Verb(ask.PageRequest, looking.list_exposures, is_reading=True),
    "picture": Verb(picture.PictureRequest, picture_verbs.show_picture, is_reading=True),
    "record": Verb(browsing.RecordRequest, browsing.browse, is_reading=True),
    "record-entry": Verb(browsing.EntryRequest, browsing.get_entry, is_reading=True),
    "record-proof": Verb(proving.ProofRequest, proving.prove, is_reading=True),
    "record-keys": Verb(proving.KeysRequest, proving.list_keys, is_reading=True),
    "record-leaves": Verb(proving.LeavesRequest, proving.list_leaves, is_reading=True),
    "record-bundle": Verb(proving.BundleRequest, proving.bundle, is_reading=True),
    "picture-volumes": Verb(picture.VolumesRequest, geojson.show_volumes, is_reading=True),
    "try": Verb(picture.TryRequest, trying.try_draft, is_reading=True),
    "corridor": Verb(picture.CorridorRequest, trying.make_corridor, is_reading=True),
    "moments": Verb(picture.MomentsRequest, moments.show_moments, is_reading=True),
    "lanes": Verb(lanes.LanesRequest, lanes.show_lanes, is_reading=True),
    "conflicts": Verb(story.ConflictsRequest, story.show_conflicts, is_reading=True),
    "conflict": Verb(story.ConflictRequest, story.show_conflict, is_reading=True),
    "terms-load": Verb(terms_verbs.TermsLoadRequest, terms_verbs.load),
    "terms-drop": Verb(terms_verbs.TermsDropRequest, terms_verbs.drop),
    "terms-files": _reading(terms_verbs.list_files),
    "terms-file": Verb(terms_verbs.TermsFileRequest, terms_verbs.get_file, is_reading=True),
    "terms-ask": Verb(terms_verbs.TermsAskRequest, terms_verbs.ask, is_reading=True),
    "terms-progress": Verb(terms_verbs.TermsAskerRequest, terms_verbs.find_progress, is_reading=True),
    "terms-stop": Verb(terms_verbs.TermsAskerRequest, terms_verbs.stop, is_reading=True),
    "terms-example": _reading(terms_verbs.get_example),
    "doctor": Verb(ask.NothingRequest, _doctor, is_reading=True),
}


def get_verb(name: str) -> Verb:
    """Return a verb, or raise `NotFound`."""
    verb = VERBS.get(name)
    if verb is None:
        raise NotFound("no-verb", f"desk: expected one of {', '.join(sorted(VERBS))}, got {name[:40]!r}")
    return verb


def call(desk: Desk, name: str, data: bytes, *, officer: str | None = None) -> Any:  # noqa: ANN401 - JSON
    """Do what is asked and return the answer as plain JSON values.

    Args:
        officer: Who is signed in: he acts, whatever the request says. None: who the request names.
    """
    verb = get_verb(name)
    answer = verb.act(desk, ask.parse_request(data, verb.request, officer=officer))
    # A long answer may be JSON already.
    return answer if isinstance(answer, msgspec.Raw) else msgspec.to_builtins(answer)
