"""Plain Python and libsodium, plain and compiled, on one thread and on two: one answer, or one error."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entente.blind.group import ORDER, SCALARS_LABEL, Group, Inputs, Rows, rows_of
from entente.blind.oprf import GROUP_DST, derive_key
from entente.blind.pure_group import PureGroup
from entente.kernel.errors import Denied, Malformed
from tests.blind_groups import GROUPS, draw_rows, make_group

PURE = PureGroup()
OTHERS = GROUPS[1:]
FIELD = 2**255 - 19

# RFC 9496 appendix A.2: what is no element, and why.
NOT_CANONICAL = (
    "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
)
NEGATIVE = (
    "0100000000000000000000000000000000000000000000000000000000000000",
    "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ed57ffd8c914fb201471d1c3d245ce3c746fcbe63a3679d51b6a516ebebe0e20",
    "c34c4e1826e5d403b78e246e88aa051c36ccf0aafebffe137d148a2bf9104562",
)
NO_SQUARE = (
    "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
    "4eac077a713c57b4f4397629a4145982c661f48044dd3f96427d40b147d9742f",
    "de6a7b00deadc788eb6b6c8d20c0ae96c2f2019078fa604fee5b87d6e989ad7b",
)
MINUS_ONE = ("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",)
IDENTITY = ("00" * 32,)
BAD_ELEMENTS = NOT_CANONICAL + NEGATIVE + NO_SQUARE + MINUS_ONE + IDENTITY

# RFC 9496 appendix A.1: the generator's first multiples, and A.3, the first element from a hash.
MULTIPLES = (
    "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76",
    "6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919",
    "94741f5d5d52755ece4f23f044ee27d5d1ea1e2bd196b462166b16152a9d0259",
)


def scalars_of(*numbers: int) -> Rows:
    return rows_of(*(number.to_bytes(32, "little") for number in numbers))


@pytest.fixture(params=GROUPS)
def group(request: pytest.FixtureRequest) -> Group:
    return make_group(request.param)


@given(st.integers(0, 2**32), st.integers(0, 9), st.integers(0, 40), st.binary(max_size=40))
@settings(max_examples=15)
def test_all_groups_answer_alike(seed: int, count: int, width: int, domain: bytes) -> None:
    inputs = Inputs(draw_rows(seed, count, width), domain)
    blinds = PURE.derive_scalars(bytes(32), seed, count)
    key = derive_key(PURE, hashlib.sha256(domain).digest(), b"test")
    hashed = PURE.hash_to_group(inputs, GROUP_DST)
    blinded = PURE.blind(inputs, GROUP_DST, blinds)
    answers = PURE.multiply(blinded, key.secret)
    inverses = PURE.invert_scalars(blinds)
    outputs = PURE.finalize(inputs, answers, inverses)
    tags = PURE.tag_inputs(inputs, GROUP_DST, key.secret)
    keyed = PURE.keyed_tags(inputs.rows, domain, bytes(range(32)))
    assert PURE.tag_answers(inputs, answers, inverses).tolist() == tags.tolist()
    for name in OTHERS:
        other = make_group(name)
        assert other.derive_scalars(bytes(32), seed, count).tolist() == blinds.tolist()
        assert other.hash_to_group(inputs, GROUP_DST).tolist() == hashed.tolist()
        assert other.blind(inputs, GROUP_DST, blinds).tolist() == blinded.tolist()
        assert other.multiply(blinded, key.secret).tolist() == answers.tolist()
        assert other.invert_scalars(blinds).tolist() == inverses.tolist()
        assert other.finalize(inputs, answers, inverses).tolist() == outputs.tolist()
        assert other.tag_answers(inputs, answers, inverses).tolist() == tags.tolist()
        assert other.tag_inputs(inputs, GROUP_DST, key.secret).tolist() == tags.tolist()
        assert other.keyed_tags(inputs.rows, domain, bytes(range(32))).tolist() == keyed.tolist()
        other.check_elements(blinded)
        if count:
            assert other.combine(blinded, blinds).tolist() == PURE.combine(blinded, blinds).tolist()


@given(st.lists(st.integers(1, ORDER - 1), min_size=1, max_size=8), st.integers(1, ORDER - 1))
@settings(max_examples=20)
def test_arithmetic_of_scalars(numbers: list[int], other: int) -> None:
    several, one = scalars_of(*numbers), scalars_of(other)
    wide = rows_of(*((number * other).to_bytes(64, "little") for number in numbers))
    for name in GROUPS:
        group = make_group(name)
        read = [int.from_bytes(row.tobytes(), "little") for row in group.multiply_scalars(several, one)]
        assert read == [number * other % ORDER for number in numbers]
        assert group.reduce_scalars(wide).tolist() == group.multiply_scalars(several, one).tolist()
        read = [int.from_bytes(row.tobytes(), "little") for row in group.subtract_scalars(one, several)]
        assert read == [(other - number) % ORDER for number in numbers]
        products = group.multiply_scalars(several, group.invert_scalars(several))
        assert {row.tobytes() for row in products} == {(1).to_bytes(32, "little")}


def is_one_answer(raw: bytes) -> bool:
    found = set()
    for name in GROUPS[:2]:
        try:
            found.add(make_group(name).multiply(rows_of(raw), scalars_of(3)).tobytes())
        except Malformed:
            found.add(b"")
    return len(found) == 1


@given(st.binary(min_size=32, max_size=32))
@settings(max_examples=50)
def test_any_bytes_are_an_element_for_all_or_for_none(raw: bytes) -> None:
    assert is_one_answer(raw)


@given(st.integers(1, ORDER - 1), st.integers(0, 255))
@settings(max_examples=30)
def test_an_element_with_one_bit_changed_is_another_or_none(number: int, bit: int) -> None:
    element = PURE.multiply_generator(scalars_of(number))
    element[0, bit // 8] ^= 1 << bit % 8
    assert is_one_answer(element.tobytes())


def test_multiples_of_the_generator_are_those_of_rfc9496(group: Group) -> None:
    found = group.multiply_generator(scalars_of(1, 2, 3))
    assert [row.tobytes().hex() for row in found] == list(MULTIPLES)
    generator = rows_of(bytes.fromhex(MULTIPLES[0]))
    assert group.multiply(generator, scalars_of(1, 2, 3)).tolist() == found.tolist()
    assert group.combine(found[:2], scalars_of(1)).tobytes().hex() == MULTIPLES[2]
    # n and order - n are opposite: their sum is the identity, which a sum may be.
    opposite = group.multiply_generator(scalars_of(ORDER - 1))
    assert group.combine(np.concatenate((generator, opposite)), scalars_of(1)).tobytes() == bytes(32)


@pytest.mark.parametrize("text", BAD_ELEMENTS)
def test_what_is_no_element_is_refused_by_its_row(group: Group, text: str) -> None:
    good = group.multiply_generator(scalars_of(*range(1, 41)))
    bad = good.copy()
    bad[37] = bad[39] = np.frombuffer(bytes.fromhex(text), np.uint8)
    inputs = Inputs(draw_rows(1, 40, 16))
    for use in (
        lambda: group.multiply(bad, scalars_of(5)),
        lambda: group.check_elements(bad),
        lambda: group.combine(bad, scalars_of(5)),
        lambda: group.finalize(inputs, bad, scalars_of(5)),
        lambda: group.tag_answers(inputs, bad, scalars_of(5)),
    ):
        with pytest.raises(Malformed, match=f"other than the identity, got '{text}'") as refused:
            use()
        assert refused.value.path == "[37]"


def test_the_last_bit_is_no_second_spelling(group: Group) -> None:
    good = group.multiply_generator(scalars_of(*range(1, 41)))
    bad = good.copy()
    bad[30, 31] |= 0x80
    for earlier in (None, 12):
        if earlier is not None:
            bad[earlier] = 0
        for use in (
            lambda: group.multiply(bad, scalars_of(5)),
            lambda: group.check_elements(bad),
            lambda: group.combine(bad, scalars_of(5)),
            lambda: group.tag_answers(Inputs(draw_rows(1, 40, 16)), bad, scalars_of(5)),
        ):
            with pytest.raises(Malformed, match="other than the identity") as refused:
                use()
            assert refused.value.path == f"[{earlier or 30}]"


@pytest.mark.parametrize("number", (0, ORDER, ORDER + 7, 2**255, 2**256 - 1))
def test_a_scalar_has_one_spelling(group: Group, number: int) -> None:
    good = scalars_of(*range(1, 6))
    bad = good.copy()
    bad[3] = np.frombuffer(number.to_bytes(32, "little"), np.uint8)
    elements = group.multiply_generator(good)
    inputs = Inputs(draw_rows(1, 5, 16))
    uses: tuple[Callable[[], object], ...] = (
        lambda: group.multiply(elements, bad),
        lambda: group.multiply_generator(bad),
        lambda: group.combine(elements, bad),
        lambda: group.invert_scalars(bad),
        lambda: group.blind(inputs, GROUP_DST, bad),
        lambda: group.finalize(inputs, elements, bad),
    )
    for use in uses:
        with pytest.raises(Malformed, match="from 1 up to the order") as refused:
            use()
        assert refused.value.path == "[3]"


def test_the_largest_scalar_is_one(group: Group) -> None:
    largest = scalars_of(ORDER - 1)
    assert group.multiply(group.multiply_generator(largest), largest).tobytes().hex() == MULTIPLES[0]


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("count", (0, 1, 5, 50, 200))
def test_batches_of_every_size(name: str, count: int) -> None:
    group = make_group(name)
    inputs = Inputs(draw_rows(count, count, 16), bytes(32))
    blinds = group.derive_scalars(bytes(32), 0, count)
    key = group.derive_scalars(bytes(range(32)), 0, 1)
    answers = group.multiply(group.blind(inputs, GROUP_DST, blinds), key)
    tags = group.tag_answers(inputs, answers, group.invert_scalars(blinds))
    assert tags.tolist() == group.tag_inputs(inputs, GROUP_DST, key).tolist()
    assert len(set(tags.tolist())) == count
    # A chunk's edge is nowhere to be seen.
    for row in range(0, count, 37):
        one = group.tag_inputs(inputs.cut(row, row + 1), GROUP_DST, key)
        assert one.tolist() == tags[row : row + 1].tolist()


@pytest.mark.parametrize("name", ("compiled-threads", "sodium-threads"))
def test_ten_thousand_at_once(name: str) -> None:
    group = make_group(name)
    blinds = group.derive_scalars(bytes(32), 0, 10_000)
    products = group.multiply_scalars(blinds, group.invert_scalars(blinds))
    assert (products == scalars_of(1)).all()
    told: list[tuple[int, int]] = []
    tags = group.keyed_tags(draw_rows(3, 10_000, 16), b"domain", bytes(32), lambda *done: told.append(done))
    assert len(set(tags.tolist())) == 10_000
    assert told[-1] == (10_000, 10_000)


def test_derived_scalars_are_as_they_are_described(group: Group) -> None:
    found = group.derive_scalars(bytes(range(32)), 258, 3)
    for row, number in enumerate((258, 259, 260)):
        wide = hashlib.sha512(SCALARS_LABEL + bytes(range(32)) + number.to_bytes(8, "big")).digest()
        expected = int.from_bytes(wide, "little") % ORDER
        assert int.from_bytes(found[row].tobytes(), "little") == expected
    with pytest.raises(ValueError, match="expected 32 bytes, got 31"):
        group.derive_scalars(bytes(31), 0, 1)


def test_another_domain_another_tag(group: Group) -> None:
    rows, key = draw_rows(5, 20, 16), group.derive_scalars(bytes(32), 0, 1)
    tags = [
        *group.tag_inputs(Inputs(rows, b"grid one"), GROUP_DST, key),
        *group.tag_inputs(Inputs(rows, b"grid two"), GROUP_DST, key),
        *group.keyed_tags(rows, b"grid one", bytes(32)),
        *group.keyed_tags(rows, b"grid two", bytes(32)),
        *group.keyed_tags(rows, b"grid one", b"\x01" * 32),
    ]
    assert len(set(tags)) == 100


def test_work_stops_where_progress_says_so(group: Group) -> None:
    class EnoughError(Exception):
        pass

    told: list[int] = []

    def stop(done: int, whole: int) -> None:
        told.append(done)
        assert whole == 300
        raise EnoughError

    inputs = Inputs(draw_rows(1, 300, 16))
    with pytest.raises(EnoughError):
        group.tag_inputs(inputs, GROUP_DST, scalars_of(3), stop)
    assert len(told) == 1


def test_batches_that_do_not_fit_are_our_own_mistake(group: Group) -> None:
    inputs = Inputs(draw_rows(1, 3, 16))
    elements = group.multiply_generator(scalars_of(1, 2))
    with pytest.raises(ValueError, match="one length"):
        group.multiply(elements, scalars_of(1, 2, 3))
    with pytest.raises(ValueError, match="expected 3"):
        group.finalize(inputs, elements, scalars_of(1))
    with pytest.raises(ValueError, match="expected"):
        group.blind(inputs, GROUP_DST, scalars_of(1, 2))
    with pytest.raises(ValueError, match=r"expected \(n, 32\)"):
        group.multiply(elements[:, :31], scalars_of(1))
    with pytest.raises(ValueError, match="of uint8"):
        Inputs(np.zeros((2, 16), np.int64))


def test_plain_python_refuses_what_it_would_be_slow_at() -> None:
    with pytest.raises(Denied, match="expected at most 500 elements, got 501"):
        PURE.hash_to_group(Inputs(draw_rows(1, 501, 16)), GROUP_DST)
    with pytest.raises(Denied, match="got 501"):
        PURE.multiply(np.zeros((501, 32), np.uint8), scalars_of(1))
