"""A store for questions: some thousand spans and one session."""

from __future__ import annotations

import itertools
from pathlib import Path

from collector.store import Receipt
from collector.store.duck import DuckStore
from tests.collector.store.builders import batch, session, span, trace

SPANS = 6000
TEXT = "lorem ipsum dolor sit amet " * 40
NUMBERS = itertools.count(100_000)


def filled(path: Path) -> DuckStore:
    """Return a store with some thousand spans and one session."""
    store = DuckStore.open(path)
    attributes = [f'{{"gen_ai.request.model":"m{n}","t":"{TEXT}"}}' for n in range(3)]
    store.append(batch([span(trace(n // 20), n, attributes=attributes[n % 3]) for n in range(SPANS)]))
    store.replace(next(iter(store.groups())), session("one", cost="0.5"))
    return store


def append_one(store: DuckStore) -> None:
    """Store one span that was not there."""
    assert store.append(batch([span(trace(1), next(NUMBERS))])) == Receipt(spans=1)
