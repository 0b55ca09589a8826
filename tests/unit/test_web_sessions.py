"""Sessions and tries: what ends them, what the book holds, how much memory they may take."""

from __future__ import annotations

import pytest

from entente.desk.book import Book
from entente.web.limits import Buckets, TooOften, name_address
from entente.web.sessions import MAX_EACH, SessionShelf
from tests.protocol.desk_stage import HandClock, SeededRandom


@pytest.fixture
def book() -> Book:
    return Book(None)


def make_shelf(book: Book, clock: HandClock) -> SessionShelf:
    return SessionShelf(book, clock, SeededRandom(str(clock.now)), idle_s=3600, most_s=10_000)


def open_one(shelf: SessionShelf, officer: str = "duty-1") -> str:
    return shelf.open(officer, method="link", place="127.0.0.1", client="x")[0]


def test_a_session_ends_unused_and_at_all(book: Book) -> None:
    clock = HandClock()
    shelf = make_shelf(book, clock)
    unused, used = open_one(shelf), open_one(shelf)
    clock.pass_s(3000)
    assert shelf.find(used) is not None
    clock.pass_s(3000)
    assert shelf.find(unused) is None
    assert shelf.find(used) is not None
    clock.pass_s(3000)
    assert shelf.find(used) is not None
    clock.pass_s(1000)
    assert shelf.find(used) is None
    clock.pass_s(-5000)
    assert shelf.find(used) is None, "an ended session never comes back"


def test_a_session_survives_a_restart(book: Book) -> None:
    secret = open_one(make_shelf(book, HandClock()))
    assert make_shelf(book, HandClock()).find(secret) is not None


def test_the_book_holds_no_secret(book: Book) -> None:
    secret = open_one(make_shelf(book, HandClock()))
    assert secret not in "\n".join(book._db.iterdump())


def test_the_oldest_gives_way(book: Book) -> None:
    shelf = make_shelf(book, HandClock())
    other = open_one(shelf, "duty-2")
    secrets = [open_one(shelf) for _ in range(MAX_EACH + 2)]
    assert [shelf.find(one) is not None for one in secrets] == [False] * 2 + [True] * MAX_EACH
    assert shelf.find(other) is not None


def test_tries_are_counted_by_address_and_come_back_with_time() -> None:
    now = [0.0]
    buckets = Buckets(burst=3, each_s=10, get_s=lambda: now[0], most=100)
    for _ in range(3):
        buckets.take("a")
    with pytest.raises(TooOften, match="try again in 10 s"):
        buckets.take("a")
    buckets.take("b")
    now[0] = 10.0
    buckets.take("a")
    with pytest.raises(TooOften):
        buckets.take("a")
    for number in range(1000):
        buckets.take(str(number))
    assert len(buckets) == 100


def test_a_host_of_ipv6_counts_once() -> None:
    assert name_address("2001:db8::1") == name_address("2001:db8::ffff:1") == "2001:db8::/64"
    assert name_address("::ffff:192.0.2.1") == name_address("192.0.2.1") == "192.0.2.1"
    assert name_address("") == "unknown"
