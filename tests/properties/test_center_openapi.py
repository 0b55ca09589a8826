"""The OpenAPI document says what the parser enforces: what its schemas allow is taken, the rest refused."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import jsonschema  # type: ignore[import-untyped] # published without type information
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator

from bench.parties import encode_request, make_party
from entente.center.openapi import encode_openapi, make_openapi, make_schemas
from entente.dialogue import About, Say
from entente.joint import KINDS

DOCUMENT: Final = make_openapi(KINDS)
SCHEMAS: Final = make_schemas(KINDS)
BODIES: Final = {kind.name: kind.body for kind in KINDS}


def test_the_document_is_valid_openapi() -> None:
    OpenAPIV31SpecValidator(json.loads(encode_openapi(KINDS))).validate()


def test_every_kind_is_there_and_nothing_is_open() -> None:
    assert len(BODIES) == len(list(KINDS)) > 20
    for name in BODIES:
        schema = SCHEMAS[f"body.{name}"]
        target = SCHEMAS[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        assert target["additionalProperties"] is False, name
        assert set(target["required"]) == set(target["properties"]), name
    assert SCHEMAS["Payload"]["properties"]["kind"]["enum"] == sorted(BODIES)


def test_every_path_of_the_interface_is_there() -> None:
    assert set(DOCUMENT["paths"]) == {
        "/charter", "/charter/signatures", "/events", "/health", "/ladder/{leaf}", "/messages",
        "/messages/{name}", "/metrics", "/openapi.json", "/parcels/{sha256}", "/record/checkpoint",
        "/record/checkpoint/{which}", "/record/consistency", "/record/policy", "/record/proof/{index}",
        "/record/tile/{path}",
        "/rows/{table}", "/sealed/{leaf}/{party}", "/status", "/suggest",
    }  # fmt: skip


def draw_from(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return values that a schema allows, at the edges of its bounds and between."""
    if "$ref" in schema:
        return draw_from(SCHEMAS[schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return st.one_of([draw_from(one) for one in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema["type"]
    if kind == "object":
        return st.fixed_dictionaries({name: draw_from(one) for name, one in schema["properties"].items()})
    if "prefixItems" in schema:
        return st.tuples(*map(draw_from, schema["prefixItems"])).map(list)
    if kind == "array":
        low = schema.get("minItems", 0)
        return st.lists(
            draw_from(schema["items"]), min_size=low, max_size=min(schema.get("maxItems", 9), low + 2)
        )
    if kind == "integer":
        low = schema.get("minimum", schema.get("exclusiveMinimum", -(2**53)) + 1)
        high = schema.get("maximum", schema.get("exclusiveMaximum", 2**53) - 1)
        return st.sampled_from((low, high)) | st.integers(low, high)
    if kind == "string":
        return draw_text(schema)
    return {"boolean": st.booleans(), "null": st.none()}[kind]


def draw_text(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    pattern, low, high = schema.get("pattern"), schema.get("minLength", 0), schema.get("maxLength", 20)
    if pattern is None:
        return st.text("ab \u00e9\u4e2d", min_size=low, max_size=min(high, low + 5))
    if low > 100:  # a key in base64: drawing one of exactly this length would take too long
        assert re.search(pattern, "A" * low)
        return st.just("A" * low)
    return st.from_regex(pattern).filter(lambda text: low <= len(text) <= high)


def accepts(body: type[msgspec.Struct], value: Any) -> bool:
    """Tell whether the parser's type takes a value."""
    try:
        msgspec.json.decode(json.dumps(value).encode(), type=body, strict=True)
    except msgspec.MsgspecError:
        return False
    return True


def get_validator(name: str) -> Any:
    schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": SCHEMAS}}
    return jsonschema.Draft202012Validator(schema)


def allows(name: str, value: Any) -> bool:
    """Tell whether the published schema allows a value."""
    return bool(get_validator(f"body.{name}").is_valid(value))


@pytest.mark.parametrize("name", sorted(BODIES))
@settings(max_examples=5, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_the_schema_allows_the_parser_takes(name: str, data: st.DataObject) -> None:
    value = data.draw(draw_from({"$ref": f"#/components/schemas/body.{name}"}))
    assert allows(name, value), value
    assert accepts(BODIES[name], value), value


def test_a_real_request_is_what_the_document_says() -> None:
    us, ru = make_party("us"), make_party("ru")
    body = Say("hot", About("none", ""), "hello", "en", False, None)
    for signed, ciphertexts in (
        (us.sign("thread.say", body), ()),
        (us.sign("thread.say", body, to=(ru,), ciphertexts=(b"sealed",)), (("ru", b"sealed"),)),
    ):
        request, payload = get_validator("SubmissionWire"), get_validator("Payload")
        request.validate(json.loads(encode_request(signed, ciphertexts)))
        payload.validate(json.loads(signed.payload))
        lie = json.loads(signed.payload) | {"body": {"id": "x"}}
        assert not payload.is_valid(lie), "a body of another kind"


WRONG: Final[tuple[Any, ...]] = (
    *(None, True, 1.5, -1, 2**53, "", "x" * 70_000, "A\n"),
    *([], {}, [None] * 600, {"more": 1}),
)


def list_places(value: Any) -> list[Any]:
    """Return every object and list inside a value, itself first."""
    found = [value]
    for one in found:
        inner = one.values() if isinstance(one, dict) else one
        found += [each for each in inner if isinstance(each, (dict, list)) and each]
    return found


@settings(max_examples=80, suppress_health_check=list(HealthCheck))
@given(name=st.sampled_from(sorted(BODIES)), data=st.data())
def test_schema_and_parser_agree_on_wrong_values(name: str, data: st.DataObject) -> None:
    value = data.draw(draw_from({"$ref": f"#/components/schemas/body.{name}"}))
    place = data.draw(st.sampled_from(list_places(value)))
    keys: list[Any] = sorted(place) if isinstance(place, dict) else list(range(len(place)))
    key = data.draw(st.sampled_from(keys))
    if data.draw(st.booleans()):
        place[key] = data.draw(st.sampled_from(WRONG))
    elif isinstance(place, dict):
        del place[key]
    else:
        place.append(place[0])
    assert allows(name, value) == accepts(BODIES[name], value), value
