"""The OpenAPI 3.1 document, generated from the very types that the parser enforces.

Invariants: no schema is written by hand for a body that a type describes; every kind's body is there; what
the document allows the parser takes, what it forbids the parser refuses
(tests/properties/test_center_openapi.py), as far as a
schema can say it: canonical spelling, order, signatures and rules are said in words.

    >>> json.loads(encode_openapi(KINDS))["openapi"]
    '3.1.0'
"""

from __future__ import annotations

import importlib.metadata
import json
from typing import Any, Final

import msgspec

from entente.blind.deposit import PARTY_HEADER, SIGNATURE_HEADER, TO_HEADER
from entente.center.answers import ErrorAnswer, RecordedAnswer, Refusal
from entente.center.draft import SignatureSet
from entente.center.founding import CharterAnswer
from entente.center.parcel_http import DepositAnswer
from entente.center.reading import TABLES, ConsistencyAnswer, MessageAnswer
from entente.center.service import StatusAnswer
from entente.center.submission import SubmissionWire
from entente.center.suggesting import SuggestQuestion
from entente.deconflict import LadderView
from entente.deconflict.suggest import Suggestions
from entente.kernel.envelope import EnvelopeWire
from entente.kernel.kinds import KindTable
from entente.kernel.message import Payload

_REF: Final = "#/components/schemas/{name}"
_TEXT: Final = {"type": "string"}
_ENVELOPE: Final = {"$ref": "#/components/schemas/EnvelopeWire"}


def make_schemas(kinds: KindTable) -> dict[str, Any]:
    """Return every schema by name; a kind's body is ``body.<kind>``."""
    bodies = {kind.name: kind.body for kind in kinds}
    types = [
        SubmissionWire, RecordedAnswer, ErrorAnswer, Refusal, CharterAnswer, SignatureSet, StatusAnswer,
        MessageAnswer, ConsistencyAnswer, DepositAnswer, LadderView, SuggestQuestion, Suggestions,
        EnvelopeWire, Payload, *TABLES.values(),
        *bodies.values(),
    ]  # fmt: skip
    refs, schemas = msgspec.json.schema_components(types, ref_template=_REF)
    by_type = dict(zip(types, refs, strict=True))
    for name, body in bodies.items():
        schemas[f"body.{name}"] = by_type[body]
    # What the types hold as raw bytes is an envelope, parsed strictly of its own.
    for struct, field in (
        ("SubmissionWire", "envelope"),
        ("SignatureSet", "roster"),
        ("MessageAnswer", "envelope"),
    ):
        schemas[struct]["properties"][field] = _ENVELOPE
    for struct, field in (("CharterAnswer", "envelope"), ("ErrorAnswer", "refusal")):
        schemas[struct]["properties"][field] = {"anyOf": [_ENVELOPE, {"type": "null"}]}
    _tie_bodies(schemas, bodies)
    return schemas


def make_openapi(kinds: KindTable) -> dict[str, Any]:
    """Return the whole document as plain values."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "entente center",
            "version": importlib.metadata.version("entente"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": (
                "One write path, POST /messages; everything else reads. Envelopes and payloads are canonical "
                "JSON (RFC 8785): one value has one spelling. Read docs/formats/http.md first."
            ),
        },
        "paths": _make_paths(),
        "components": {"schemas": make_schemas(kinds)},
    }


def encode_openapi(kinds: KindTable) -> bytes:
    """Return the document's bytes."""
    return json.dumps(make_openapi(kinds), indent=1, sort_keys=True, ensure_ascii=False).encode()


def _tie_bodies(schemas: dict[str, Any], bodies: dict[str, type[Any]]) -> None:
    """Say which body belongs to which kind, and that an envelope's payload is such a message."""
    payload = schemas["Payload"]
    payload["properties"]["kind"] = {"enum": sorted(bodies)}
    payload["properties"]["body"] = {}
    payload["allOf"] = [
        {
            "if": {"properties": {"kind": {"const": name}, "to": {"maxItems": 0}}},
            "then": {"properties": {"body": {"$ref": f"#/components/schemas/body.{name}"}}},
        }
        for name in sorted(bodies)
    ]
    payload["allOf"].append(
        {"if": {"properties": {"to": {"minItems": 1}}}, "then": {"properties": {"body": {"type": "null"}}}}
    )
    schemas["EnvelopeWire"]["properties"]["payload"] |= {
        "contentEncoding": "base64",
        "contentMediaType": "application/json",
        "contentSchema": {"$ref": "#/components/schemas/Payload"},
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _text(media_type: str) -> dict[str, Any]:
    return {media_type: {"schema": _TEXT}}


def _operation(
    summary: str,
    content: dict[str, Any],
    *,
    errors: str = "",
    query: tuple[str, ...] = (),
    path: tuple[str, ...] = (),
    header: tuple[str, ...] = (),
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return one operation; ``errors`` are its statuses, by a blank between."""
    problem = {"description": "refused; nothing was changed", "content": _json(_ref("ErrorAnswer"))}
    operation: dict[str, Any] = {
        "summary": summary,
        "responses": {
            "200": {"description": "as the summary says", "content": content},
            **dict.fromkeys(errors.split(), problem),
        },
    }
    named = [{"name": name, "in": "path", "required": True, "schema": _TEXT} for name in path]
    named += [{"name": name, "in": "header", "required": True, "schema": _TEXT} for name in header]
    named += [{"name": name, "in": "query", "required": False, "schema": _TEXT} for name in query]
    if named:
        operation["parameters"] = named
    if body is not None:
        operation["requestBody"] = {"required": True, "content": body}
    return operation


def _make_paths() -> dict[str, Any]:
    octets: dict[str, Any] = {"application/octet-stream": {"schema": {}}}
    plain = _text("text/plain")
    rows = {
        "type": "object",
        "required": ["rows", "next"],
        "properties": {
            "rows": {"type": "array", "items": {"anyOf": [_ref(row.__name__) for row in TABLES.values()]}},
            "next": {"type": ["string", "null"]},
        },
    }
    fields = sorted({field for row in TABLES.values() for field in row.INDEXED})
    read = "400 404"
    return {
        "/messages": {
            "post": _operation(
                "have a message recorded; the answer comes when it is durable and covered by a checkpoint",
                _json(_ref("RecordedAnswer")),
                errors="400 401 403 409 413 429 503",
                body=_json(_ref("SubmissionWire")),
            ),
            "get": _operation(
                "a page of messages, by index",
                _json({"type": "array", "items": _ref("MessageAnswer")}),
                errors="400",
                query=("after", "limit", "kind", "author"),
            ),
        },
        "/messages/{name}": {
            "get": _operation(
                "a message by its index or hash", _json(_ref("MessageAnswer")), errors=read, path=("name",)
            )
        },
        "/record/checkpoint": {
            "get": _operation("the newest checkpoint, cosignatures included", plain, errors="404")
        },
        "/record/checkpoint/{which}": {
            "get": _operation("the newest firm or settled checkpoint", plain, errors="404", path=("which",))
        },
        "/record/tile/{path}": {
            "get": _operation("a tile or entry bundle (C2SP tlog-tiles)", octets, errors=read, path=("path",))
        },
        "/record/policy": {
            "get": _operation("the tlog-policy of the witnesses in force", plain, errors="404")
        },
        "/record/proof/{index}": {
            "get": _operation("a tlog-proof of an entry", plain, errors=read, path=("index",))
        },
        "/record/consistency": {
            "get": _operation(
                "that the record only grew between two sizes",
                _json(_ref("ConsistencyAnswer")),
                errors=read,
                query=("old", "new"),
            )
        },
        "/charter": {"get": _operation("the charter, draft or founded", _json(_ref("CharterAnswer")))},
        "/charter/signatures": {
            "post": _operation(
                "sign the draft; with the last party's signature the center is founded",
                _json(_ref("CharterAnswer")),
                errors="400 403 413",
                body=_json(_ref("SignatureSet")),
            )
        },
        "/sealed/{leaf}/{party}": {
            "get": _operation("a ciphertext, byte for byte", octets, errors=read, path=("leaf", "party"))
        },
        "/parcels/{sha256}": {
            "put": _operation(
                "deposit a parcel, byte for byte, signed by the party's desk key (docs/formats/http.md)",
                _json(_ref("DepositAnswer")),
                errors="400 403 413 429 503",
                path=("sha256",),
                header=(PARTY_HEADER, TO_HEADER, SIGNATURE_HEADER),
                body=octets,
            ),
            "get": _operation(
                "a parcel that the record names, byte for byte; one to the center is served to nobody",
                octets,
                errors="400 403 404",
                path=("sha256",),
            ),
        },
        "/rows/{table}": {
            "get": _operation(
                "a page of what follows from the record, by key",
                _json(rows),
                errors=read,
                path=("table",),
                query=("after", "limit", *fields),
            )
        },
        "/ladder/{leaf}": {
            "get": _operation(
                "every rung of a message's ladder, and what has not happened",
                _json(_ref("LadderView")),
                errors=read,
                path=("leaf",),
            )
        },
        "/suggest": {
            "post": _operation(
                "the nearest conflict-free shift of a plan, among what is open to all; writes nothing",
                _json(_ref("Suggestions")),
                errors="400 404 413 429 503",
                body=_json(_ref("SuggestQuestion")),
            )
        },
        "/status": {"get": _operation("how the center is", _json(_ref("StatusAnswer")))},
        "/events": {
            "get": _operation(
                "server-sent events from beyond an id",
                _text("text/event-stream"),
                errors="400",
                query=("after",),
            )
        },
        "/health": {
            "get": _operation("that it answers, and whether it takes messages", _json({"type": "object"}))
        },
        "/metrics": {"get": _operation("figures (Prometheus)", plain)},
        "/openapi.json": {"get": _operation("this document", _json({"type": "object"}))},
    }
