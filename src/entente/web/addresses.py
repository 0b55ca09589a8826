"""Under which names a page is served, and whether a request was made by that page.

Invariants:
  * A request whose ``Host`` is none of our names is refused before anything else: a foreign name that was
    pointed at this machine (DNS rebinding) is not ours.
  * What changes something must come from a page of ours, by ``Origin`` and by ``Sec-Fetch-Site``; what looks
    must too, unless a person typed the address.
  * Plain HTTP is for the loopback alone.

It asks for no session: see `sessions`.

    >>> addresses = make_addresses([Listener("127.0.0.1", 7101, is_tls=False)], party="us")
    >>> addresses.first
    'http://us.localhost:7101'
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from entente.desk.listening import Listener
from entente.kernel.errors import Denied

_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Addresses:
    """The origins under which one desk's page is served; ``first`` is the one to show to people."""

    origins: frozenset[str]
    first: str

    def check_host(self, scheme: str, host: str) -> str:
        """Return the origin that a request was made to, or raise `Denied`: none of ours."""
        origin = f"{scheme}://{host.lower()}"
        # SECURITY: DNS rebinding: evil.example, pointed at 127.0.0.1, is another origin to the browser and
        # would be the same desk to us (tests/protocol/test_web_attacks.py,
        # test_a_foreign_name_for_our_address_is_refused).
        if origin not in self.origins:
            raise Denied("other-host", f"page: expected one of its own names as host, got {host[:80]!r}")
        return origin


def check_site(headers: Mapping[str, str], origin: str, *, is_change: bool) -> None:
    """Return if a request was made by a page of ``origin``, or raise `Denied`.

    Args:
        headers: The request's, names in lower case.
        is_change: It may change something: then a typed address is not enough, and JSON is asked for.
    """
    site, told = headers.get("sec-fetch-site", ""), headers.get("origin", "")
    # SECURITY: another site's page sends the browser's own words about where it comes from; one that sends
    # none is no browser that a session was given to (tests/protocol/test_web_attacks.py,
    # test_another_site_cannot_act).
    if site not in ({"same-origin"} if is_change else {"same-origin", "none"}):
        raise Denied("other-site", f"request: expected one of this page, got one from {site or 'nowhere'!r}")
    if told and told != origin:
        raise Denied("other-origin", f"request: expected origin {origin!r}, got {told[:80]!r}")
    if is_change and not told:
        raise Denied("no-origin", f"request: expected origin {origin!r}, got none")


def check_json(headers: Mapping[str, str]) -> None:
    """Return if a body is said to be JSON, or raise `Denied`: a form of another site never is."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Denied("not-json", f"request: expected content type application/json, got {kind[:40]!r}")


def is_loopback(host: str) -> bool:
    """Tell whether an address to listen on is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def make_addresses(listeners: Sequence[Listener], *, party: str, names: Sequence[str] = ()) -> Addresses:
    """Return the origins of a page.

    Args:
        listeners: Where it is served: plain HTTP on the loopback only.
        names: Host names of the listeners with TLS, the one to show first.

    Raises:
        Denied: ``plain-http``: a page over plain HTTP elsewhere than on the loopback.
    """
    found: list[str] = []
    for one in listeners:
        if one.is_tls:
            hosts = list(names) or [one.host]
        elif is_loopback(one.host):
            # A browser keeps cookies by host and not by port: under names of their own two desks on one
            # machine do not see each other's. All browsers but Safari resolve *.localhost to the loopback.
            hosts = [f"{party}.localhost", "localhost", "127.0.0.1", "::1"]
        else:
            raise Denied(
                "plain-http",
                f"page: expected TLS or the loopback to listen on, got plain HTTP on {one.host!r}",
            )
        found += [_spell(one, host) for host in hosts]
    # Where there is TLS, people go there.
    shown = next((one for one in found if one.startswith("https:")), found[0] if found else "")
    return Addresses(frozenset(found), shown)


def _spell(listener: Listener, host: str) -> str:
    scheme = "https" if listener.is_tls else "http"
    shown = f"[{host}]" if ":" in host else host.lower()
    return f"{scheme}://{shown}" if listener.port == _PORTS[scheme] else f"{scheme}://{shown}:{listener.port}"
