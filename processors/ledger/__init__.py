"""Which step caused which dollar: a session and its prices to a `Ledger`.

Steps come from `normalise`, prices from `pricing`; the ledger goes to the findings, the card and the `ledger` view.
"""

from processors.ledger.attribution import attribute
from processors.ledger.entries import entries
from processors.ledger.model import INITIAL_CONTEXT, NOTHING, Ledger, LedgerEntry, Saving, StepMoney

__all__ = ["INITIAL_CONTEXT", "NOTHING", "Ledger", "LedgerEntry", "Saving", "StepMoney", "attribute", "entries"]
