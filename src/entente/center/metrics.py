"""Figures for whoever watches the center (Prometheus).

Invariants: labels come from short closed lists (codes, parties), never from a request's text; nothing
secret, nothing about contents.

    >>> metrics = Metrics()
    >>> metrics.recorded.inc(64)
    >>> metrics.render()
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_BATCHES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Metrics:
    """One set of figures for one center."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.recorded = Counter("entente_recorded", "Messages that were recorded", registry=self._registry)
        self.refused = Counter(
            "entente_refused", "Messages that were refused", ["code"], registry=self._registry
        )
        self.batch = Histogram(
            "entente_batch_messages", "Messages in a batch", buckets=_BATCHES, registry=self._registry
        )
        self.size = Gauge(
            "entente_record_size", "Entries in the record", ["standing"], registry=self._registry
        )
        self.witness_size = Gauge(
            "entente_witness_size", "Size that a witness cosigned last", ["party"], registry=self._registry
        )
        self.parcels_deposited = Counter(
            "entente_parcels_deposited", "Parcels that were deposited", registry=self._registry
        )
        self.parcels_removed = Counter(
            "entente_parcels_removed", "Parcels that have had their time", registry=self._registry
        )
        self.parcel_bytes = Gauge(
            "entente_parcel_bytes", "What a party's parcels take", ["party"], registry=self._registry
        )
        # How a run ended is for its two parties: a figure by verdict would tell everyone who reads this page.
        self.matched = Counter(
            "entente_blind_matched", "Blind runs that the center matched", registry=self._registry
        )
        self.is_open = Gauge("entente_open", "1 when the center may sign", registry=self._registry)

    def render(self) -> bytes:
        """Return the figures as Prometheus text."""
        return generate_latest(self._registry)
