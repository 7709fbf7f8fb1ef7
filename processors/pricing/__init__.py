"""What a model call costs: `Cost` with the rates behind it, or `Unpriced` with the reason. Never zero for unknown.

Usage comes from `normalise`, rates from genai-prices and from a user's dated override file; prices go to the ledger
and the card.
"""

from processors.pricing.book import price_book
from processors.pricing.model import Cost, Price, PriceBook, Unpriced
from processors.pricing.session import billable_calls, price
from processors.pricing.tools import ToolPrice, tool_prices

__all__ = [
    "Cost",
    "Price",
    "PriceBook",
    "ToolPrice",
    "Unpriced",
    "billable_calls",
    "price",
    "price_book",
    "tool_prices",
]
