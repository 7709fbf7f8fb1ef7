"""The price book: what is billed, and when it refuses."""

from __future__ import annotations

import pickle
from decimal import Decimal
from importlib.metadata import version

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.model import Media, Message, Text, Usage
from processors.pricing import Cost, Unpriced, price_book
from processors.pricing.book import CACHE_NOT_REPORTED, WRITES_NOT_REPORTED, ChainedPriceBook
from processors.pricing.genai import GenaiPrices
from processors.pricing.model import Price, TokenClass
from processors.pricing.rates import Rates, Subject
from tests.processors.pricing.calls import AUTUMN, call, nanoseconds, usage

BOOK = price_book()
COUNTS = st.integers(0, 10**7)


def cost(price: Price) -> Cost:
    """Return a price that must be one."""
    assert isinstance(price, Cost), price
    return price


def reason(price: Price) -> str:
    """Return why there is no price, where there must be none."""
    assert isinstance(price, Unpriced), price
    return price.reason


def test_each_class_has_its_own_rate() -> None:
    """Fresh, read, five-minute and one-hour written and output tokens are billed apart and exactly."""
    used = usage(10_000, 200, read=4_000, written=3_000, written_1h=1_000)
    price = cost(BOOK.price(call("claude-sonnet-4-5", used, provider="anthropic")))
    assert price.usd == {
        TokenClass.INPUT: Decimal("0.009"),
        TokenClass.CACHE_READ: Decimal("0.0012"),
        TokenClass.CACHE_WRITE: Decimal("0.0075"),
        TokenClass.CACHE_WRITE_1H: Decimal("0.006"),
        TokenClass.OUTPUT: Decimal("0.003"),
    }
    assert price.tokens.keys() == price.usd.keys()
    assert price.source == f"genai-prices {version('genai-prices')}"


def test_one_hour_writes_cost_twice_the_input_where_the_list_has_no_rate() -> None:
    """A one-hour cache write of a Claude model is billed at twice its input rate on every cloud."""
    used = usage(100_000, 0, written=100_000, written_1h=100_000)
    price = cost(BOOK.price(call("claude-3-5-haiku", used, provider="gcp.vertex_ai")))
    fresh = cost(BOOK.price(call("claude-3-5-haiku", usage(100_000, 0), provider="gcp.vertex_ai")))
    assert price.total == 2 * fresh.total


def test_a_write_without_surcharge_is_billed_as_input() -> None:
    """Where a vendor bills nothing extra for writing a cache, a write costs what fresh input costs."""
    assert (
        cost(BOOK.price(call("gpt-4o-mini", usage(5000, 1, written=4000)))).total
        == cost(BOOK.price(call("gpt-4o-mini", usage(5000, 1)))).total
    )


@pytest.mark.parametrize(("input_tokens", "usd"), [(200_000, Decimal("0.6015")), (200_001, Decimal("1.202256"))])
def test_rates_step_with_the_size_of_the_call(input_tokens: int, usd: Decimal) -> None:
    """A call above the threshold is billed at the higher rates as a whole, the next call by its own size."""
    assert cost(BOOK.price(call("claude-sonnet-4-5", usage(input_tokens, 100), provider="anthropic"))).total == usd


def test_rates_are_those_of_the_call_s_own_time() -> None:
    """A price that changed later does not change what an earlier call cost."""
    before = cost(BOOK.price(call("o3", usage(1_000_000, 0), at=nanoseconds("2025-06-01"))))
    after = cost(BOOK.price(call("o3", usage(1_000_000, 0), at=nanoseconds("2025-07-01"))))
    assert (before.total, after.total) == (Decimal(10), Decimal(2))
    assert after.effective_from == "2025-06-10"


def test_rates_that_change_within_the_day_are_looked_up_per_call() -> None:
    """Off-peak and peak calls of one day are billed at their own rates, in either order."""
    peak = call("deepseek-chat", usage(1_000_000, 0), provider="deepseek", at=nanoseconds("2026-01-05T12:00"))
    off_peak = call("deepseek-chat", usage(1_000_000, 0), provider="deepseek", at=nanoseconds("2026-01-05T20:00"))
    one, other = price_book(), price_book()
    forwards = [cost(one.price(which)).total for which in (peak, off_peak)]
    backwards = [cost(other.price(which)).total for which in (off_peak, peak)]
    assert forwards == backwards[::-1]
    assert forwards[1] < forwards[0]


@pytest.mark.parametrize(
    ("tier", "usd"),
    [
        (None, "1.25"),
        ("default", "1.25"),
        ("auto", "1.25"),
        ("standard", "1.25"),
        ("flex", "0.625"),
        ("batch", "0.625"),
        ("priority", "2.5"),
        ("Priority", "2.5"),
    ],
)
def test_a_service_tier_has_its_own_rates(tier: str | None, usd: str) -> None:
    """A call is billed at the rates of the tier it was served in."""
    assert cost(BOOK.price(call("gpt-5", usage(1_000_000, 0), tier=tier))).total == Decimal(usd)


def test_an_unknown_tier_is_not_billed_at_another_s_rates() -> None:
    """A tier without a published rate leaves the call unpriced."""
    assert reason(BOOK.price(call("gpt-5", tier="scale"))) == "no_rate_for_tier scale gpt-5"
    assert reason(BOOK.price(call("gpt-4", tier="flex"))) == "no_rate_for_tier flex gpt-4"


def test_fees_that_usage_does_not_show_leave_a_call_unpriced() -> None:
    """A model that also bills per request would look too cheap by its tokens."""
    assert reason(BOOK.price(call("sonar-pro", provider="perplexity"))) == "fees_beyond_tokens sonar-pro"


def test_audio_input_is_not_billed_as_text() -> None:
    """Where a prompt holds audio and audio has its own rate, the tokens cannot be priced without a split."""
    heard = (Message("user", (Text("what is said here?"), Media("audio"))),)
    seen = (Message("user", (Media("image"),)),)
    listening = call("gemini-2.5-flash", provider="gcp.gemini", messages=heard)
    looking = call("gemini-2.5-flash", provider="gcp.gemini", messages=seen)
    assert reason(BOOK.price(listening)) == "audio_tokens_not_reported gemini-2.5-flash"
    assert cost(BOOK.price(looking)).total > 0


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        (Usage(output_tokens=5), "usage_incomplete input_tokens"),
        (Usage(input_tokens=5), "usage_incomplete output_tokens"),
        (Usage(), "usage_incomplete input_tokens"),
        (Usage(input_tokens=2**62, output_tokens=1), "usage_implausible"),
        (Usage(input_tokens=10**40, output_tokens=1), "usage_implausible"),
    ],
)
def test_usage_that_is_not_whole_is_not_billed(used: Usage, expected: str) -> None:
    """Half a usage, or one that no call can have, has a reason instead of a figure."""
    assert reason(BOOK.price(call(used=used))) == expected


def test_missing_usage_and_missing_model_have_their_reasons() -> None:
    """A call without usage or without a model says which."""
    assert reason(BOOK.price(call(no_usage=True))) == "usage_not_reported"
    assert reason(BOOK.price(call(model=None))) == "no_model"
    assert reason(BOOK.price(call(model="  "))) == "no_model"
    assert reason(BOOK.price(call(at=0))) == "time_not_reported"


def test_embeddings_need_no_output() -> None:
    """An embedding call is billed by its input alone."""
    embedding = call("text-embedding-3-small", Usage(input_tokens=1_000_000), embeddings=True)
    assert cost(BOOK.price(embedding)).total == Decimal("0.02")


def test_an_unreported_cache_split_is_said() -> None:
    """A prompt long enough to be cached whose split is unknown is priced as uncached, and says that this is a bound."""
    long, short = usage(1024, 1, read=None, written=None), usage(1023, 1, read=None, written=None)
    assert cost(BOOK.price(call(used=long))).note == CACHE_NOT_REPORTED
    assert cost(BOOK.price(call(used=short))).note is None
    assert cost(BOOK.price(call("gpt-4", long))).note is None, "gpt-4 has no cached rate, so nothing is in doubt"
    read_only = usage(5000, 1, read=100, written=None)
    assert cost(BOOK.price(call("claude-sonnet-4-5", read_only, provider="anthropic"))).note == WRITES_NOT_REPORTED


def test_a_source_known_to_drop_the_split_leaves_the_call_unpriced() -> None:
    """Where the dialect says that its usage is incomplete, an upper bound is not passed off as the cost."""
    lossy = call(used=usage(5000, 1, read=None, written=None), usage_missing="cached tokens are never sent")
    assert reason(BOOK.price(lossy)) == "usage_incomplete cached tokens"


@given(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
def test_prices_add_up(fresh: int, read: int, written: int, output: int, more: int) -> None:
    """Where rates do not depend on size, two calls cost together what one call with both usages costs, exactly."""

    def priced(times_fresh: int, times_output: int) -> Decimal:
        used = usage(times_fresh + read + written, times_output, read=read, written=written)
        return cost(BOOK.price(call("claude-3-5-haiku-20241022", used, provider="anthropic"))).total

    assert priced(fresh + more, output) - priced(fresh, output) == priced(more, 0) - priced(0, 0)
    assert priced(fresh, output + more) >= priced(fresh, output)


@given(COUNTS, COUNTS, COUNTS)
def test_a_bill_is_the_sum_of_its_classes(fresh: int, read: int, output: int) -> None:
    """Tokens by class cover the usage, and the total is the sum of the classes."""
    price = cost(BOOK.price(call(used=usage(fresh + read, output, read=read))))
    assert sum(price.tokens.values()) == fresh + read + output
    assert price.total == sum(price.usd.values(), Decimal(0))


@given(st.text(max_size=300), st.one_of(st.none(), st.text(max_size=100)), st.one_of(st.none(), st.text(max_size=40)))
def test_any_name_gets_an_answer(model: str, provider: str | None, tier: str | None) -> None:
    """Whatever an agent calls its model, vendor and tier, the answer is a price or a short reason."""
    price = BOOK.price(call(model, provider=provider, tier=tier))
    assert isinstance(price, Cost) or len(price.reason) < 300


class _Counting:
    """Counts how often rates are looked up."""

    description = "counting"

    def __init__(self) -> None:
        self.asked = 0
        self._list = GenaiPrices()

    def rates(self, subject: Subject, at_ns: int) -> Rates | Unpriced | None:
        self.asked += 1
        return self._list.rates(subject, at_ns)


def test_rates_are_looked_up_once_per_model_and_day() -> None:
    """A thousand calls of one model on one day ask the source once, those of an unknown model too."""
    source = _Counting()
    book = ChainedPriceBook((source,))
    for index in range(1000):
        book.price(call("gpt-5", at=AUTUMN + index))
        book.price(call("foo-1", at=AUTUMN + index))
    assert source.asked == 2


def test_a_book_travels_to_a_worker_process() -> None:
    """A pickled price book prices as the original does."""
    assert pickle.loads(pickle.dumps(BOOK)).price(call()) == BOOK.price(call())
