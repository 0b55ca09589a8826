"""``desk.toml``: what a desk must know of itself, in a file that people read and edit.

    party = "us"
    name = "United States"
    language = "en"
    center_url = "https://center.example.org"
    witness_url = "http://desk.us.example:8601/witness"
    witness_listen = "127.0.0.1:8601"
    api_listen = "127.0.0.1:8600"
    duty_officer = "duty-1"
    clock = "system"
    page_listen = "desk.us.example:8443"
    page_names = ["desk.us.example"]

Invariants: closed (an unknown key is refused, not ignored); no secrets in it; `parse_config` of
`encode_config` gives the same value.

It does not hold what was agreed with others: that is the charter's (`joining.Pin`).
"""

from __future__ import annotations

import json
import tomllib
from typing import Annotated, Final

import msgspec

from entente.kernel.errors import Malformed
from entente.kernel.wire import LanguageText, NameText, SlugText, UrlText, WireStruct

MAX_CONFIG_BYTES: Final = 65_536
SYSTEM_CLOCK: Final = "system"

ListenText = Annotated[
    str, msgspec.Meta(pattern=r"^(?:[^\s:]+|\[[0-9a-fA-F:]+\]):[0-9]{1,5}$", max_length=260)
]
"""``host:port``; port 0 lets the system choose one."""
OptionalListenText = Annotated[
    str, msgspec.Meta(pattern=r"^$(?!\n)|^(?:[^\s:]+|\[[0-9a-fA-F:]+\]):[0-9]{1,5}$", max_length=260)
]
HostText = Annotated[
    str, msgspec.Meta(pattern=r"^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$(?!\n)", min_length=1, max_length=253)
]
"""A host's name or IPv4 address, in lower case."""
PathText = Annotated[str, msgspec.Meta(max_length=1000)]


class DeskConfig(WireStruct, frozen=True):
    """A desk's settings.

    ``clock`` is ``system``, or an exercise clock as `entente.store.clock` reads it. ``reminder_minutes`` is
    after how long an acknowledgement that we owe is said again to our contacts; ``stale_s`` how long the
    center may lag behind what it announced before that is called stale;
    ``blind_theatre_cells`` how many cells all partners together may ask of us, blind, in any 24 hours.

    The page is served at ``api_listen`` where that is the loopback, and besides at ``page_listen``, by TLS
    with ``page_certificate`` and ``page_key`` (files, from the desk's folder on), under the host names
    ``page_names``. ``page_client_ca``: a file of authorities whose client certificates may sign in there;
    empty: our own. A session ends after ``session_idle_min`` without use and after ``session_h`` at all.
    """

    party: SlugText
    name: NameText
    language: LanguageText
    center_url: UrlText
    witness_url: UrlText
    witness_listen: ListenText
    api_listen: ListenText
    duty_officer: SlugText
    clock: Annotated[str, msgspec.Meta(min_length=1, max_length=120)] = SYSTEM_CLOCK
    reminder_minutes: Annotated[int, msgspec.Meta(ge=1, le=1440)] = 2
    stale_s: Annotated[int, msgspec.Meta(ge=5, le=86_400)] = 60
    poll_s: Annotated[int, msgspec.Meta(ge=1, le=3600)] = 5
    blind_theatre_cells: Annotated[int, msgspec.Meta(ge=0, le=10**12)] = 20_000_000
    page_listen: OptionalListenText = ""
    page_names: Annotated[list[HostText], msgspec.Meta(max_length=8)] = msgspec.field(default_factory=list)
    page_certificate: PathText = ""
    page_key: PathText = ""
    page_client_ca: PathText = ""
    session_idle_min: Annotated[int, msgspec.Meta(ge=1, le=10_080)] = 120
    session_h: Annotated[int, msgspec.Meta(ge=1, le=168)] = 12


def split_listen(text: str) -> tuple[str, int]:
    """Return host and port of a listen address."""
    host, _, port = text.rpartition(":")
    number = int(port)
    if number > 65_535:
        raise Malformed("bad-port", f"listen address: expected a port <= 65535, got {text!r}")
    return host.strip("[]"), number


def parse_config(data: bytes) -> DeskConfig:
    """Return the settings, or raise `Malformed` naming the key."""
    if len(data) > MAX_CONFIG_BYTES:
        raise Malformed("too-large", f"desk.toml: expected <= {MAX_CONFIG_BYTES} bytes, got {len(data)}")
    try:
        plain = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Malformed("bad-toml", f"desk.toml: {str(error).lower()}") from error
    try:
        config = msgspec.convert(plain, DeskConfig, strict=True)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `")
        raise Malformed(
            "bad-config", f"desk.toml: {message[:1].lower()}{message[1:]}", path=where.removesuffix("`")
        ) from error
    for listen in (config.witness_listen, config.api_listen, config.page_listen):
        if listen:
            split_listen(listen)
    return config


def encode_config(config: DeskConfig) -> bytes:
    """Return the settings as TOML, a key a line."""
    plain: dict[str, str | int | list[str]] = msgspec.to_builtins(config)
    # A JSON string is a TOML basic string (TOML 1.0, section String), once DEL is escaped as well.
    lines = [
        f"{key} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007F")
        for key, value in plain.items()
    ]
    return (
        "# Settings of one desk. Keys are in keys/, each readable by its owner alone.\n"
        + "\n".join(lines)
        + "\n"
    ).encode()
