from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from entente.kernel.canonical import encode_canonical, parse_canonical_as
from entente.kernel.errors import InvalidVolume, Malformed
from entente.space import (
    Circle,
    CircleWire,
    HeightBand,
    Polygon,
    PolygonWire,
    Separation,
    SeparationWire,
    Volume,
    VolumeWire,
    Window,
    encode_position,
    encode_separation,
    encode_volume,
    parse_position,
    parse_separation,
    parse_volume,
)

CIRCLE = (
    b'{"ceiling_cm":700000,"end":"2016-09-17T15:00:00Z","floor_cm":null,"outline":'
    b'{"centre_e7":[352800000,401800000],"radius_cm":300000,"type":"circle"},'
    b'"start":"2016-09-17T13:55:00.5Z"}'
)
POLYGON = (
    b'{"ceiling_cm":null,"end":"2016-09-17T15:00:00Z","floor_cm":-100,"outline":{"type":"polygon",'
    b'"vertices_e7":[[352000000,401000000],[352000000,403000000],[354000000,402000000]]},'
    b'"start":"2016-09-17T13:55:00Z"}'
)


REGION = (
    (
        b'{"ceiling_cm":null,"end":"2016-09-17T15:00:00Z","floor_cm":-100,"outline":{"parts":['
        b'{"holes_e7":[[[1000000,1000000],[1000000,2000000],[2000000,1000000]]],'
        b'"outer_e7":[[0,0],[0,9000000],[9000000,0]]},'
        b'{"holes_e7":[],"outer_e7":[[0,-1800000000],[0,-1799999000],[1000,-1799999500]]}],"type":"region"},'
        b'"start":"2016-09-17T13:55:00Z"}'
    )
    .replace(b"-1800000000", b"10000000")
    .replace(b"-1799999000", b"10001000")
    .replace(b"-1799999500", b"10000500")
)


@pytest.mark.parametrize("data", (CIRCLE, POLYGON, REGION))
def test_bytes_come_back_as_they_were(data: bytes) -> None:
    wire = parse_canonical_as(data, VolumeWire)
    assert encode_canonical(encode_volume(parse_volume(wire))) == data


def test_volume_means_what_the_wire_says() -> None:
    assert parse_volume(parse_canonical_as(CIRCLE, VolumeWire)) == Volume(
        Circle((35.28, 40.18), 3000.0),
        HeightBand(None, 7000.0),
        Window(datetime(2016, 9, 17, 13, 55, 0, 500_000, tzinfo=UTC), datetime(2016, 9, 17, 15, tzinfo=UTC)),
    )


@pytest.mark.parametrize(
    ("old", "new", "place"),
    (
        (b"352800000", b"900000001", "$.outline.centre_e7[0]"),
        (b"401800000", b"1800000000", "$.outline.centre_e7[1]"),  # +180 is spelt -180
        (b'"radius_cm":300000', b'"radius_cm":0', "$.outline.radius_cm"),
        (b'"radius_cm":300000', b'"radius_cm":100000001', "$.outline.radius_cm"),
        (b'"radius_cm":300000', b'"radius_cm":300000.5', "$.outline.radius_cm"),
        (b'"radius_cm":300000', b'"radius_cm":true', "$.outline.radius_cm"),
        (b'"type":"circle"', b'"type":"ellipse"', "$.outline.type"),
        (b'"radius_cm":300000,', b"", "$.outline"),
        (b'"floor_cm":null', b'"floor_cm":10000000001', "$.floor_cm"),
        (b'"floor_cm":null', b'"floor_m":null', "$"),
        (b"13:55:00.5Z", b"13:55:00.50Z", "$.start"),
        (b"13:55:00.5Z", b"13:55:00.5+02:00", "$.start"),
    ),
)
def test_other_forms_are_refused_with_their_path(old: bytes, new: bytes, place: str) -> None:
    data = CIRCLE.replace(old, new)
    assert data != CIRCLE
    with pytest.raises(Malformed) as refused:
        parse_canonical_as(data, VolumeWire)
    assert refused.value.path == place


@pytest.mark.parametrize(
    ("old", "new", "place", "code"),
    (
        (
            b"[352000000,403000000]",
            b"[352000000,401000000]",
            "$.v.outline.vertices_e7[0]",
            "vertices-coincide",
        ),
        (b"[354000000,402000000]", b"[900000000,402000000]", "$.v.outline.vertices_e7[2]", "pole-longitude"),
        (b'"floor_cm":-100', b'"floor_cm":101', "$.v.floor_cm", "heights-reversed"),
        (b"13:55:00Z", b"15:00:00Z", "$.v.start", "window-reversed"),
        (b"2016-09-17T13:55", b"2016-02-30T13:55", "$.v.start", "bad-time"),
    ),
)
def test_values_that_are_no_volume_are_refused_with_their_path(
    old: bytes, new: bytes, place: str, code: str
) -> None:
    data = POLYGON.replace(b'"ceiling_cm":null', b'"ceiling_cm":100').replace(old, new)
    wire = parse_canonical_as(data, VolumeWire)
    with pytest.raises(Malformed) as refused:
        parse_volume(wire, path="$.v")
    assert (refused.value.path, refused.value.code) == (place, code)


def test_encoding_never_shrinks_a_volume() -> None:
    window = Window(datetime(2016, 1, 1, tzinfo=UTC), datetime(2016, 1, 2, tzinfo=UTC))
    volume = Volume(Circle((1.00000004, 2.0), 10.001), HeightBand(-0.001, 0.291), window)
    wire = encode_volume(volume)
    assert wire.outline == CircleWire((10_000_000, 20_000_000), 1001)
    assert (wire.floor_cm, wire.ceiling_cm) == (-1, 30)
    assert encode_separation(Separation(0.29, 0.291, 1.2)) == SeparationWire(29, 30, 2)


def test_positions_have_one_spelling() -> None:
    assert encode_position(10.0, 180.0) == encode_position(10.0, -180.0) == (100_000_000, -1_800_000_000)
    assert encode_position(90.0, 77.0) == (900_000_000, 0)
    assert parse_position((-900_000_000, 0)) == (-90.0, 0.0)
    with pytest.raises(InvalidVolume, match="expected longitude 0 at a pole, got 5"):
        parse_position((900_000_000, 5))


def test_separation_comes_back_as_it_was() -> None:
    wire = SeparationWire(500_000, 30_000, 600)
    assert parse_separation(wire) == Separation(5000.0, 300.0, 600.0)
    assert encode_separation(parse_separation(wire)) == wire


def test_schema_states_the_limits() -> None:
    schema = msgspec.json.schema(PolygonWire)["$defs"]["PolygonWire"]
    vertices = schema["properties"]["vertices_e7"]
    assert (vertices["minItems"], vertices["maxItems"]) == (3, 10_000)
    assert schema["additionalProperties"] is False


def test_ten_thousand_vertices_pass_and_one_more_does_not() -> None:
    ring = tuple((k * 100, (k % 2) * 100) for k in range(10_000))
    assert msgspec.convert({"type": "polygon", "vertices_e7": ring}, PolygonWire).vertices_e7 == ring
    with pytest.raises(msgspec.ValidationError, match="length <= 10000"):
        msgspec.convert({"type": "polygon", "vertices_e7": (*ring, (0, 500))}, PolygonWire)


def test_polygon_on_the_wire_is_a_polygon() -> None:
    volume = parse_volume(parse_canonical_as(POLYGON, VolumeWire))
    assert volume.outline == Polygon(((35.2, 40.1), (35.2, 40.3), (35.4, 40.2)))
