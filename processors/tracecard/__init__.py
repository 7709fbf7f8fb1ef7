"""The public product: one session as a card of at most 4 kB.

Made from a session, its prices, its ledger and its findings; read by people, by CostCraft and by other programs.
"""

from processors.tracecard.build import compile_card, gaps
from processors.tracecard.model import SCHEMA_VERSION, TraceCard

__all__ = ["SCHEMA_VERSION", "TraceCard", "compile_card", "gaps"]
