"""The world: orders and customers in sqlite, five tools on them, and the oracle."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

TASKS = 12
_SCHEMA = """
CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT, tier TEXT);
CREATE TABLE orders (id TEXT PRIMARY KEY, customer_id TEXT, address TEXT, status TEXT);
CREATE TABLE shipments (order_id TEXT, carrier TEXT, events TEXT);
"""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing the oracle looked at."""

    name: str
    expected: str
    got: str

    @property
    def passed(self) -> bool:
        """Whether what was found is what was wanted."""
        return self.expected == self.got


def tasks(count: int = TASKS) -> tuple[str, ...]:
    """Return the ids of the first tasks."""
    return tuple(f"address-{number:03}" for number in range(1, count + 1))


class OrderDesk:
    """One task: change the address of one order, and confirm it."""

    def __init__(self, task_id: str | None) -> None:
        """Make the world of a task such as `address-007`."""
        number = int((task_id or tasks()[0]).rsplit("-", 1)[-1])
        self.order_id, self.customer_id = f"ord-{4000 + number}", f"cus-{70 + number}"
        self.wanted = f"{number} Mill Lane"
        self.reset()

    def reset(self) -> None:
        """Return to the state in which the task began."""
        self._db = sqlite3.connect(":memory:")
        self._db.executescript(_SCHEMA)
        self._db.execute("INSERT INTO customers VALUES (?, 'A. Customer', 'gold')", (self.customer_id,))
        self._db.execute("INSERT INTO orders VALUES (?, ?, 'old address', 'open')", (self.order_id, self.customer_id))
        events = "; ".join(f"scan {scan} at hub {scan * 7}" for scan in range(60))
        self._db.execute("INSERT INTO shipments VALUES (?, 'slow freight', ?)", (self.order_id, events))

    def call(self, tool: str, arguments: Mapping[str, object]) -> object:
        """Run one tool; an unknown tool or order raises."""
        order_id = str(arguments["order_id"])
        if tool == "get_order":
            return self._one("SELECT id, customer_id, address, status FROM orders WHERE id = ?", order_id)
        if tool == "list_shipments":
            return self._one("SELECT carrier, events FROM shipments WHERE order_id = ?", order_id)
        if tool == "update_address":
            if arguments["customer_id"] != self.customer_id:
                raise LookupError("not that customer's order")
            return self._change("UPDATE orders SET address = ? WHERE id = ?", str(arguments["address"]), order_id)
        if tool == "confirm_order":
            return self._change("UPDATE orders SET status = ? WHERE id = ?", "confirmed", order_id)
        raise LookupError(f"no tool {tool}")

    def checks(self) -> tuple[Check, ...]:
        """Return what the oracle finds now."""
        address, status = self._db.execute("SELECT address, status FROM orders").fetchone()
        return Check("address changed", self.wanted, address), Check("order confirmed", "confirmed", status)

    def check(self) -> bool:
        """Return whether every check passes."""
        return all(check.passed for check in self.checks())

    def _one(self, query: str, order_id: str) -> dict[str, object]:
        cursor = self._db.execute(query, (order_id,))
        row = cursor.fetchone()
        if row is None:
            raise LookupError(f"no order {order_id}")
        return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}

    def _change(self, query: str, value: str, order_id: str) -> dict[str, object]:
        if self._db.execute(query, (value, order_id)).rowcount != 1:
            raise LookupError(f"no order {order_id}")
        return {"order_id": order_id, "done": True}
