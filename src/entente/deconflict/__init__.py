"""Deconfliction: activities, zones and sites, who has taken note of them, and where they conflict.

For: telling each other what one will do and where; making sure that a person has read it, and read the place
right; finding conflicts of space, height and time between what is told.

Invariants:
  * State is a pure function of the record's entries and of the sealed bodies that could be opened here.
  * "Sent" is never shown as "acknowledged"; silence is never consent; the default answer is no.
  * A told position counts only when every party that it was told to has read it back.
  * Open messages are decided alike whether or not sealed ones can be read: no rule of an open kind depends on
    them.
  * No conflict among what is readable here is missed.

It permits nothing, protects nothing and enforces nothing.

    rows, index = MemoryRows(), MemoryIndex()
    decide_notify(message, rows).require()
    project_notify(entry, rows)
    open_receipts(entry, list_parties(rows), rows)
    track_alarms(entry, update_conflicts(entry, rows, index), rows)
"""

from typing import Any, Final

from entente.deconflict.activity import (
    ACTIVITY_CLOSE,
    ACTIVITY_NOTIFY,
    ACTIVITY_UPDATE,
    ActivityRow,
    Close,
    Notify,
    Update,
)
from entente.deconflict.alarm import (
    ALARM_RAISE,
    ALARM_SEE,
    Raise,
    See,
    explain_alarm,
    explain_sight,
    list_owing,
    plan_alarms,
)
from entente.deconflict.alarm_row import AlarmRow, Called, Seen
from entente.deconflict.alarm_tracking import track_alarms
from entente.deconflict.asked import AskedOnce
from entente.deconflict.carry import ConcurrenceRow, has_concurred
from entente.deconflict.concurrence import (
    ACTIVITY_CONCUR,
    ACTIVITY_OBJECT,
    ACTIVITY_RECONSIDER,
    ActivityState,
    Concur,
    Object,
    Reconsider,
    activity_state,
    describe_answer,
)
from entente.deconflict.conflict_row import ConflictRow, explain_conflict
from entente.deconflict.conflicts import fill_index, rebuild_index, update_conflicts
from entente.deconflict.counter import (
    ACTIVITY_COUNTER,
    ACTIVITY_DECLINE,
    Counter,
    Decline,
    Proposal,
    ProposalRow,
    find_proposal,
    list_proposals,
)
from entente.deconflict.deadline import (
    CONCURRENCE_LAPSE,
    LapseConcurrence,
    find_due,
    find_stated,
    plan_concurrence,
)
from entente.deconflict.incident import (
    INCIDENT_ANSWER,
    INCIDENT_REPORT,
    INCIDENT_SILENT,
    AccountRow,
    AnswerIncident,
    FollowUpRow,
    IncidentRow,
    SilentIncident,
    answer_due,
    open_follow_ups,
    plan_follow_ups,
)
from entente.deconflict.incident_sites import ReportIncident, find_sites
from entente.deconflict.index import ConflictIndex, Hit, MemoryIndex, StandingIndex, StandingVolumes
from entente.deconflict.intake import decide_intake
from entente.deconflict.ladder import RECEIPT_ESCALATE, RECEIPT_LAPSE, Escalate, Lapse, plan_ladder
from entente.deconflict.ladder_view import LadderView, PartyLadder, Rung, describe_ladder
from entente.deconflict.objects import ObjectRow, VersionRow, find_volumes, name_object
from entente.deconflict.positions import PositionRow, PositionState, position_state, version_state
from entente.deconflict.quota import Pace
from entente.deconflict.readback import (
    POSITION_CONFIRM,
    POSITION_DISPUTE,
    POSITION_READ_BACK,
    Confirm,
    Dispute,
    ReadBack,
    Reading,
)
from entente.deconflict.readings import PlanDifference, build_readings, compare_with_plan
from entente.deconflict.receipts import (
    RAISE_ALARM,
    RECEIPT_ACKNOWLEDGE,
    RECEIPT_DELIVER,
    Acknowledge,
    Deliver,
    Delivery,
    ReceiptRow,
    find_receipt,
    open_receipts,
)
from entente.deconflict.site import (
    PROTECTION_NOTICE,
    SITE_DECLARE,
    SITE_RECONFIRM,
    SITE_WITHDRAW,
    Consent,
    DeclareSite,
    ReconfirmSite,
    SiteRow,
    WithdrawSite,
    describe_site,
    site_standing,
)
from entente.deconflict.site_verification import SITE_VERIFY, Verification, VerifySite, verification_state
from entente.deconflict.vouch import ZONE_VOUCH, Guarantee, Vouch, list_guarantees
from entente.deconflict.withheld import Withheld, find_withheld, was_sure
from entente.deconflict.zone import (
    ZONE_DECLARE,
    ZONE_WITHDRAW,
    DeclareZone,
    Obligation,
    WithdrawZone,
    ZoneRow,
    ZoneRule,
)
from entente.deconflict.zone_judgement import Holding, ZoneFinding, ZoneHold, find_holding
from entente.kernel.kinds import Kind

KINDS: Final[tuple[Kind[Any], ...]] = (
    ACTIVITY_NOTIFY,
    ACTIVITY_UPDATE,
    ACTIVITY_CLOSE,
    ACTIVITY_CONCUR,
    ACTIVITY_OBJECT,
    ACTIVITY_RECONSIDER,
    ACTIVITY_COUNTER,
    ACTIVITY_DECLINE,
    CONCURRENCE_LAPSE,
    ALARM_RAISE,
    ALARM_SEE,
    ZONE_DECLARE,
    ZONE_VOUCH,
    ZONE_WITHDRAW,
    SITE_DECLARE,
    SITE_VERIFY,
    SITE_RECONFIRM,
    SITE_WITHDRAW,
    INCIDENT_REPORT,
    INCIDENT_ANSWER,
    INCIDENT_SILENT,
    RECEIPT_DELIVER,
    RECEIPT_ACKNOWLEDGE,
    RECEIPT_ESCALATE,
    RECEIPT_LAPSE,
    POSITION_READ_BACK,
    POSITION_CONFIRM,
    POSITION_DISPUTE,
)

__all__ = [
    "KINDS",
    "PROTECTION_NOTICE",
    "RAISE_ALARM",
    "AccountRow",
    "Acknowledge",
    "ActivityRow",
    "ActivityState",
    "AlarmRow",
    "AnswerIncident",
    "AskedOnce",
    "Called",
    "Close",
    "Concur",
    "ConcurrenceRow",
    "Confirm",
    "ConflictIndex",
    "ConflictRow",
    "Consent",
    "Counter",
    "DeclareSite",
    "DeclareZone",
    "Decline",
    "Deliver",
    "Delivery",
    "Dispute",
    "Escalate",
    "FollowUpRow",
    "Guarantee",
    "Hit",
    "Holding",
    "IncidentRow",
    "LadderView",
    "Lapse",
    "LapseConcurrence",
    "MemoryIndex",
    "Notify",
    "Object",
    "ObjectRow",
    "Obligation",
    "Pace",
    "PartyLadder",
    "PlanDifference",
    "PositionRow",
    "PositionState",
    "Proposal",
    "ProposalRow",
    "Raise",
    "ReadBack",
    "Reading",
    "ReceiptRow",
    "ReconfirmSite",
    "Reconsider",
    "ReportIncident",
    "Rung",
    "See",
    "Seen",
    "SilentIncident",
    "SiteRow",
    "StandingIndex",
    "StandingVolumes",
    "Update",
    "Verification",
    "VerifySite",
    "VersionRow",
    "Vouch",
    "WithdrawSite",
    "WithdrawZone",
    "Withheld",
    "ZoneFinding",
    "ZoneHold",
    "ZoneRow",
    "ZoneRule",
    "activity_state",
    "answer_due",
    "build_readings",
    "compare_with_plan",
    "decide_intake",
    "describe_answer",
    "describe_ladder",
    "describe_site",
    "explain_alarm",
    "explain_conflict",
    "explain_sight",
    "fill_index",
    "find_due",
    "find_holding",
    "find_proposal",
    "find_receipt",
    "find_sites",
    "find_stated",
    "find_volumes",
    "find_withheld",
    "has_concurred",
    "list_guarantees",
    "list_owing",
    "list_proposals",
    "name_object",
    "open_follow_ups",
    "open_receipts",
    "plan_alarms",
    "plan_concurrence",
    "plan_follow_ups",
    "plan_ladder",
    "position_state",
    "rebuild_index",
    "site_standing",
    "track_alarms",
    "update_conflicts",
    "verification_state",
    "version_state",
    "was_sure",
]
