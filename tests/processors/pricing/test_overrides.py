"""A user's own prices."""

from __future__ import annotations

import pickle
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path

import pytest

from processors.errors import PriceFileError
from processors.pricing import Cost, Unpriced, price_book
from processors.pricing.model import TokenClass
from tests.processors.pricing.calls import AUTUMN, call, nanoseconds, usage

FILE = """\
prices:
- model: our-llama-*
  usd_per_million_tokens: {input: 0.25, output: 1}
- model: our-llama-*
  effective_from: 2026-11-01
  usd_per_million_tokens:
    input: 0.20
    output: 0.80
    cache_read: 0.02
- model: our-llama-*
  tier: batch
  usd_per_million_tokens: {input: 0.1, output: 0.4}
- model: gpt-5
  provider: azure*
  usd_per_million_tokens: {input: 1.1, output: 9}
- model: our-embedder
  usd_per_million_tokens: {input: 0.01}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file with every kind of entry."""
    path = tmp_path / "prices.yaml"
    path.write_text(FILE)
    return path


@pytest.mark.parametrize(
    ("at", "usd", "line"),
    [(nanoseconds("2026-10-31T23:59:59.999"), "0.25", 2), (nanoseconds("2026-11-01"), "0.2", 4), (AUTUMN, "0.2", 4)],
)
def test_the_newest_entry_not_after_the_call_wins(path: Path, at: int, usd: str, line: int) -> None:
    """A call is billed by the entry in force at its own time, and its price names the line."""
    price = price_book(path).price(call("our-llama-70b", usage(1_000_000, 0), provider="vllm", at=at))
    assert isinstance(price, Cost)
    assert price.total == Decimal(usd)
    assert price.source == f"override prices.yaml line {line}"
    assert price.effective_from == (None if line == 2 else "2026-11-01")


def test_classes_without_a_rate_are_billed_as_input(path: Path) -> None:
    """A cached read has its own rate where the file gives one; a write, which has none, is billed as input."""
    price = price_book(path).price(call("our-llama-70b", usage(1000, 0, read=400, written=500), provider=None))
    assert isinstance(price, Cost)
    assert price.usd[TokenClass.CACHE_READ] == Decimal("0.000008")
    assert price.usd[TokenClass.CACHE_WRITE] == Decimal("0.0001")


def test_an_override_goes_before_the_list(path: Path) -> None:
    """Where the file has a matching entry it is used; other vendors and models keep the list price."""
    book = price_book(path)
    ours = book.price(call("gpt-5", usage(1_000_000, 0), provider="azure.ai.openai"))
    theirs = book.price(call("gpt-5", usage(1_000_000, 0), provider="openai"))
    assert isinstance(ours, Cost)
    assert isinstance(theirs, Cost)
    assert (ours.total, theirs.total) == (Decimal("1.1"), Decimal("1.25"))
    assert book.description == f"override prices.yaml, genai-prices {version('genai-prices')}"


def test_an_entry_is_for_its_tier(path: Path) -> None:
    """A batch call takes the batch entry, and a tier without an entry falls to the list, which knows no such model."""
    book = price_book(path)
    batch = book.price(call("our-llama-70b", usage(1_000_000, 0), provider=None, tier="batch"))
    assert isinstance(batch, Cost)
    assert batch.total == Decimal("0.1")
    assert isinstance(book.price(call("our-llama-70b", provider=None, tier="flex")), Unpriced)


def test_output_without_a_rate_is_not_free(path: Path) -> None:
    """A model whose entry gives no output rate has no price for a call that wrote something."""
    assert price_book(path).price(call("our-embedder", usage(10, 10))) == Unpriced("no_rate output")


def test_a_book_with_overrides_travels_to_a_worker_process(path: Path) -> None:
    """A pickled book keeps the file's prices, also when the file is gone."""
    book = pickle.dumps(price_book(path))
    path.unlink()
    used = call("our-llama-70b", usage(1_000_000, 0), provider="vllm")
    price = pickle.loads(book).price(used)
    assert price.total == Decimal("0.2")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prices:\n- model: a\n", "line 2: prices.0.usd_per_million_tokens: Field required"),
        (
            "prices:\n- model: a\n  usd_per_million_tokens: {input: -1}\n",
            "line 3: prices.0.usd_per",
        ),
        ("prices:\n- model: a\n  usd_per_million_tokens: {input: cheap}\n", "line 3"),
        ("prices:\n- model: a\n  usd_per_million_tokens: {input: true}\n", "line 3"),
        ("prices:\n- model: a\n  usd_per_million_tokens: {input: '1'}\n", "line 3"),
        ("prices:\n- model: a\n  usd_per_million_tokens: {input: 1.0000001}\n", "line 3"),
        ("prices:\n- model: a\n  usd_per_million_tokens: {input: 1e99}\n", "line 3"),
        (
            "prices:\n- model: a\n  usd_per_million_tokens:\n    input: 1\n    outptu: 2\n",
            "line 5: prices.0",
        ),
        (
            "prices:\n- model: a\n  effective_from: yesterday\n  usd_per_million_tokens: {input: 1}\n",
            "line 3: prices.0.eff",
        ),
        ("prices:\n- model: ''\n  usd_per_million_tokens: {input: 1}\n", "line 2: prices.0.model"),
        ("prices: []\n", "line 1: prices"),
        ("- model: a\n", "line 1: document"),
        ("", "the document is empty"),
        ("prices: {a: 1\n", "line 2"),
        ("prices:\n- &a {model: b}\n- *a\n", "line 2: anchors and aliases"),
        ("prices: !!python/object/apply:os.system ['true']\n", "line 1: the tag"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    """Whatever is wrong in the file, the error names the file, the line and the entry."""
    path = tmp_path / "prices.yaml"
    path.write_text(text)
    with pytest.raises(PriceFileError) as caught:
        price_book(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    """A missing file and one that is no text are errors of the same kind."""
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "missing.yaml", binary):
        with pytest.raises(PriceFileError, match="cannot be read as UTF-8 text"):
            price_book(path)
