"""Random texts of each kind, with names and figures that occur nowhere else."""

from __future__ import annotations

import json
from random import Random

from tests.simulator.tokens import Kind

SYLLABLES = ["ba", "cor", "del", "fen", "gor", "hul", "jin", "kel", "lor", "mun", "nar", "pel", "quo", "ras", "sil"]
COMMON = ["the", "of", "and", "to", "in", "for", "with", "on", "that", "is", "by", "from", "this", "are", "was", "it"]


def word(random: Random) -> str:
    """Make up a word."""
    return "".join(random.choice(SYLLABLES) for _ in range(random.randint(3, 5)))


def sentence(random: Random, words: int) -> str:
    """Make up a sentence, two thirds of it common words."""
    picked = [random.choice(COMMON) if random.random() < 0.67 else word(random) for _ in range(max(3, words))]
    return " ".join(picked).capitalize() + "."


def prose(random: Random, size: int) -> str:
    """Make up about `size` bytes of prose."""
    text = ""
    while len(text) < size:
        text += sentence(random, random.randint(6, 18)) + " "
    return text.strip()


def table(random: Random, size: int) -> str:
    """Make up about `size` bytes of comma-separated rows."""
    columns = [word(random) for _ in range(random.randint(3, 6))]
    text = ",".join(columns) + "\n"
    while len(text) < size:
        text += ",".join(str(random.randint(1, 99_999)) for _ in columns) + "\n"
    return text


def records(random: Random, size: int) -> str:
    """Make up about `size` bytes of JSON records."""
    keys = [word(random) for _ in range(random.randint(3, 6))]
    rows: list[dict[str, object]] = []
    length = 2
    while length < size:
        rows.append({key: random.choice([random.randint(1, 9_999), word(random)]) for key in keys})
        length += len(json.dumps(rows[-1])) + 1
    return json.dumps(rows)


def code(random: Random, size: int) -> str:
    """Make up about `size` bytes of code."""
    text = ""
    while len(text) < size:
        text += f"def {word(random)}_{word(random)}({word(random)}):\n"
        text += f"    return {word(random)} + {random.randint(1, 999)}\n"
    return text


MAKERS = {Kind.PROSE: prose, Kind.TABLE: table, Kind.JSON: records, Kind.CODE: code}


def make(random: Random, kind: Kind, size: int) -> str:
    """Make up a text of a kind."""
    return MAKERS[kind](random, size)


def mention(random: Random, text: str) -> str:
    """Write a sentence that uses something of a text: its longest word, figure or name."""
    pieces = [piece.strip('.,:;()[]{}"') for piece in text.replace(",", " ").replace('"', " ").split()]
    return f"{sentence(random, 4)} So {max(pieces, key=len, default='nothing')} it is."
