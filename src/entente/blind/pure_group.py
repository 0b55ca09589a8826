"""ristretto255 in plain Python: a second opinion, and what a machine without libsodium has.

What it is for: a cross-check of the library that blind checks run on, written from RFC 9496 alone, and small
checks where no library is to be had. One multiplication takes about 1.4 ms here.

Invariants:
  * It answers as libsodium does, element by element and error by error (tests/properties/test_blind_group).
  * More than `most` elements are refused: it would take seconds, and does not pretend otherwise.

SECURITY: it is NOT constant time. Whoever measures how long it takes learns about the scalars; it is for
small sets on a machine that no one else computes on.

    >>> PureGroup().multiply_generator(scalars)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import repeat
from typing import Final, TypeAlias

import numpy as np

from entente.blind.expand import expand_message, hash_output
from entente.blind.group import (
    ELEMENT_BYTES,
    HASH_BYTES,
    KEY_BYTES,
    ORDER,
    SCALARS_LABEL,
    Inputs,
    Progress,
    Rows,
    Tags,
    check_pairing,
    check_rows,
    check_scalars,
    read_tags,
    refuse_element,
)
from entente.kernel.errors import Denied

Point: TypeAlias = tuple[int, int, int, int]
"""Extended coordinates X, Y, Z, T of the curve, RFC 9496 section 4."""

MOST: Final = 500
"""Elements in a batch: about a second of work."""

_P: Final = 2**255 - 19
_D: Final = 37095705934669439343138083508754565189542113879843219016388785533085940283555
_SQRT_M1: Final = 19681161376707505956807079304988542015446066515923890162744021073123829784752
_SQRT_AD_MINUS_ONE: Final = 25063068953384623474111414158702152701244531502492656460079210482610430750235
_INVSQRT_A_MINUS_D: Final = 54469307008909316920995813868745141605393597292927456921205312896311721017578
_ONE_MINUS_D_SQ: Final = 1159843021668779879193775521855586647937357759715417654439879720876111806838
_D_MINUS_ONE_SQ: Final = 40440834346308536858101042469323190826248399146238708352240133220865137265952
_IDENTITY: Final[Point] = (0, 1, 1, 0)
_GENERATOR: Final = bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")


class PureGroup:
    """The `Group` port in Python.

    Args:
        most: Elements in a batch.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most

    @property
    def name(self) -> str:
        """What computes."""
        return "plain Python"

    @property
    def most(self) -> int:
        """Elements in a batch."""
        return self._most

    def hash_to_group(self, inputs: Inputs, dst: bytes, on_progress: Progress | None = None) -> Rows:
        """Return the element of each input."""
        self._admit(len(inputs))
        return _lay([_encode(each) for each in self._hash(inputs, dst, on_progress)])

    def blind(self, inputs: Inputs, dst: bytes, scalars: Rows, on_progress: Progress | None = None) -> Rows:
        """Return the element of each input times its scalar."""
        self._admit(check_pairing(len(inputs), len(scalars), "blind"))
        numbers = _read(check_scalars(scalars))
        points = self._hash(inputs, dst, on_progress)
        return _lay([_encode(_multiply(*each)) for each in _pair(points, numbers)])

    def tag_inputs(self, inputs: Inputs, dst: bytes, key: Rows, on_progress: Progress | None = None) -> Tags:
        """Return the tag of each input, as the key's holder."""
        return read_tags(self._output(inputs, self.blind(inputs, dst, key, on_progress)))

    def finalize(self, inputs: Inputs, elements: Rows, scalars: Rows) -> Rows:
        """Return Finalize's 64 bytes for each input."""
        if len(inputs) != len(elements):
            raise ValueError(f"finalize: expected {len(inputs)} elements, got {len(elements)}")
        return self._output(inputs, self.multiply(elements, scalars))

    def tag_answers(
        self, inputs: Inputs, elements: Rows, scalars: Rows, on_progress: Progress | None = None
    ) -> Tags:
        """Return the first eight of them, as a number."""
        found = read_tags(self.finalize(inputs, elements, scalars))
        if on_progress is not None:
            on_progress(len(found), len(found))
        return found

    def multiply(self, elements: Rows, scalars: Rows, on_progress: Progress | None = None) -> Rows:
        """Return each element times its scalar."""
        whole = check_pairing(len(elements), len(scalars), "multiply")
        self._admit(whole)
        numbers, points = _read(check_scalars(scalars)), _decode_all(elements)
        found = []
        for done, (point, number) in enumerate(_pair(points, numbers)):
            _tell(on_progress, done, whole)
            found.append(_encode(_multiply(point, number)))
        return _lay(found)

    def multiply_generator(self, scalars: Rows, on_progress: Progress | None = None) -> Rows:
        """Return the generator times each scalar."""
        return self.multiply(np.frombuffer(_GENERATOR, np.uint8).reshape(1, -1), scalars, on_progress)

    def combine(self, elements: Rows, scalars: Rows) -> Rows:
        """Return the sum of all elements times their scalars."""
        self._admit(check_pairing(len(elements), len(scalars), "combine"))
        numbers, points = _read(check_scalars(scalars)), _decode_all(elements)
        total = _IDENTITY
        for point, number in _pair(points, numbers):
            total = _add(total, _multiply(point, number))
        return _lay([_encode(total)])

    def check_elements(self, elements: Rows) -> None:
        """Refuse what is no element, or the identity."""
        self._admit(len(elements))
        _decode_all(elements)

    def reduce_scalars(self, wide: Rows) -> Rows:
        """Return numbers of 64 bytes modulo the order."""
        return _write(number % ORDER for number in _read(check_rows(wide, HASH_BYTES, "reduce")))

    def derive_scalars(self, seed: bytes, first: int, count: int) -> Rows:
        """Return the scalars number ``first`` and on of a seed."""
        if len(seed) != KEY_BYTES:
            raise ValueError(f"seed: expected {KEY_BYTES} bytes, got {len(seed)}")
        begun = hashlib.sha512(SCALARS_LABEL + seed)
        wide = []
        for number in range(first, first + count):
            each = begun.copy()
            each.update(number.to_bytes(8, "big"))
            wide.append(each.digest())
        return self.reduce_scalars(np.frombuffer(b"".join(wide), np.uint8).reshape(-1, HASH_BYTES))

    def invert_scalars(self, scalars: Rows) -> Rows:
        """Return what each is to be multiplied with to give one."""
        return _write(pow(number, -1, ORDER) for number in _read(check_scalars(scalars)))

    def multiply_scalars(self, first: Rows, second: Rows) -> Rows:
        """Return the products modulo the order."""
        return _write(one * two % ORDER for one, two in _pair_scalars(first, second))

    def subtract_scalars(self, first: Rows, second: Rows) -> Rows:
        """Return the differences modulo the order."""
        return _write((one - two) % ORDER for one, two in _pair_scalars(first, second))

    def keyed_tags(self, rows: Rows, domain: bytes, key: bytes, on_progress: Progress | None = None) -> Tags:
        """Return the tag of each row under a key, as a third party matches them."""
        if len(key) != KEY_BYTES:
            raise ValueError(f"key: expected {KEY_BYTES} bytes, got {len(key)}")
        begun = hashlib.blake2b(domain, digest_size=32, key=key)
        found = []
        for done, row in enumerate(rows):
            _tell(on_progress, done, len(rows))
            each = begun.copy()
            each.update(row.tobytes())
            found.append(each.digest()[:8])
        return np.frombuffer(b"".join(found), ">u8").astype(np.uint64)

    def _hash(self, inputs: Inputs, dst: bytes, on_progress: Progress | None) -> list[Point]:
        found = []
        for done, row in enumerate(inputs.rows):
            _tell(on_progress, done, len(inputs))
            found.append(_hash_to_point(expand_message(inputs.domain + row.tobytes(), dst)))
        return found

    def _output(self, inputs: Inputs, elements: Rows) -> Rows:
        pairs = zip(inputs.rows, elements, strict=True)
        found = [hash_output(inputs.domain + row.tobytes(), each.tobytes()) for row, each in pairs]
        return np.frombuffer(b"".join(found), np.uint8).reshape(-1, HASH_BYTES)

    def _admit(self, count: int) -> None:
        if count > self._most:
            raise Denied(
                "blind-too-many",
                f"a batch without libsodium: expected at most {self._most} elements, got {count}",
            )


def _tell(on_progress: Progress | None, done: int, whole: int) -> None:
    if on_progress is not None:
        on_progress(done + 1, whole)


def _pair(points: list[Point], numbers: list[int]) -> list[tuple[Point, int]]:
    if len(points) == len(numbers):
        return list(zip(points, numbers, strict=True))
    if len(points) == 1:
        return list(zip(repeat(points[0], len(numbers)), numbers, strict=True))
    return list(zip(points, repeat(numbers[0], len(points)), strict=True))


def _pair_scalars(first: Rows, second: Rows) -> list[tuple[int, int]]:
    count = check_pairing(len(first), len(second), "scalars")
    one, two = _read(check_rows(first, 32, "scalars")), _read(check_rows(second, 32, "scalars"))
    return [(one[row % len(one)], two[row % len(two)]) for row in range(count)]


def _read(rows: Rows) -> list[int]:
    return [int.from_bytes(row.tobytes(), "little") for row in rows]


def _write(numbers: Iterable[int]) -> Rows:
    return _lay([number.to_bytes(ELEMENT_BYTES, "little") for number in numbers])


def _lay(encoded: list[bytes]) -> Rows:
    return np.frombuffer(b"".join(encoded), np.uint8).reshape(-1, ELEMENT_BYTES).copy()


def _decode_all(elements: Rows) -> list[Point]:
    found = []
    for row, each in enumerate(check_rows(elements, ELEMENT_BYTES, "element")):
        point = _decode(each.tobytes())
        if point is None:
            raise refuse_element(elements, row)
        found.append(point)
    return found


# RFC 9496 section 4, with its names.


def _is_negative(number: int) -> bool:
    return number % _P % 2 == 1


def _absolute(number: int) -> int:
    number %= _P
    return _P - number if number % 2 else number


def _sqrt_ratio_m1(u: int, v: int) -> tuple[bool, int]:
    """Return whether u/v is a square, and the root of it or of i u/v that is not negative (section 4.2)."""
    u, v = u % _P, v % _P
    r = u * pow(v, 3, _P) * pow(u * pow(v, 7, _P), (_P - 5) // 8, _P) % _P
    check = v * r * r % _P
    is_flipped = check == -u % _P
    if is_flipped or check == -u * _SQRT_M1 % _P:
        r = r * _SQRT_M1
    return check == u or is_flipped, _absolute(r)


def _decode(encoded: bytes) -> Point | None:
    """Return the point, None for what is not canonical, not of the group, or the identity (4.3.1)."""
    s = int.from_bytes(encoded, "little")
    if s >= _P or s % 2 == 1 or s == 0:
        return None
    ss = s * s % _P
    u1, u2 = 1 - ss, 1 + ss
    v = (-_D * u1 * u1 - u2 * u2) % _P
    is_square, invsqrt = _sqrt_ratio_m1(1, v * u2 * u2)
    den_x = invsqrt * u2 % _P
    x = _absolute(2 * s * den_x)
    y = u1 * invsqrt * den_x * v % _P
    t = x * y % _P
    if not is_square or _is_negative(t) or y == 0:
        return None
    return x, y, 1, t


def _encode(point: Point) -> bytes:
    """Return the one encoding of an element (4.3.2)."""
    x0, y0, z0, t0 = point
    u1, u2 = (z0 + y0) * (z0 - y0) % _P, x0 * y0 % _P
    _, invsqrt = _sqrt_ratio_m1(1, u1 * u2 * u2)
    den1, den2 = invsqrt * u1 % _P, invsqrt * u2 % _P
    z_inv = den1 * den2 * t0 % _P
    if _is_negative(t0 * z_inv):
        x, y, den_inv = y0 * _SQRT_M1 % _P, x0 * _SQRT_M1 % _P, den1 * _INVSQRT_A_MINUS_D % _P
    else:
        x, y, den_inv = x0, y0, den2
    if _is_negative(x * z_inv):
        y = -y
    return _absolute(den_inv * (z0 - y)).to_bytes(ELEMENT_BYTES, "little")


def _map(t: int) -> Point:
    """Return the element of a number of the field: MAP of section 4.3.4."""
    r = _SQRT_M1 * t * t % _P
    u = (r + 1) * _ONE_MINUS_D_SQ
    v = (-1 - r * _D) * (r + _D) % _P
    is_square, s = _sqrt_ratio_m1(u, v)
    c = -1
    if not is_square:
        s, c = -_absolute(s * t), r
    n = c * (r - 1) * _D_MINUS_ONE_SQ - v
    w0, w1, w2, w3 = 2 * s * v, n * _SQRT_AD_MINUS_ONE, 1 - s * s, 1 + s * s
    return w0 * w3 % _P, w2 * w1 % _P, w1 * w3 % _P, w0 * w2 % _P


def _hash_to_point(wide: bytes) -> Point:
    """Return the element of 64 uniform bytes: section 4.3.4."""
    one, two = (int.from_bytes(half, "little") & (2**255 - 1) for half in (wide[:32], wide[32:]))
    return _add(_map(one), _map(two))


def _add(first: Point, second: Point) -> Point:
    """Return the sum: complete for all points of the curve (RFC 8032 section 5.1.4)."""
    x1, y1, z1, t1 = first
    x2, y2, z2, t2 = second
    a, b = (y1 - x1) * (y2 - x2) % _P, (y1 + x1) * (y2 + x2) % _P
    c, d = 2 * t1 * t2 * _D % _P, 2 * z1 * z2 % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _double(point: Point) -> Point:
    x1, y1, z1, _ = point
    a, b, c = x1 * x1 % _P, y1 * y1 % _P, 2 * z1 * z1 % _P
    h = a + b
    e, g = h - (x1 + y1) * (x1 + y1) % _P, a - b
    f = c + g
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _multiply(point: Point, number: int) -> Point:
    """Return the point ``number`` times, four bits at a time."""
    multiples = [_IDENTITY, point]
    for _ in range(14):
        multiples.append(_add(multiples[-1], point))
    total = _IDENTITY
    for place in reversed(range(64)):
        for _ in range(4):
            total = _double(total)
        digit = number >> (4 * place) & 15
        if digit:
            total = _add(total, multiples[digit])
    return total
