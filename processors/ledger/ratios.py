"""Tokens per byte of each kind of text, fitted to a session's own growth without a tokenizer.

The provider's counts say exactly how many tokens joined a prompt; the messages say how many bytes of each kind did.
Non-negative least squares over the turns, held near published ratios where turns are few, gives the ratios that
split a turn's tokens between its pieces.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from processors.ledger.pieces import Kind, Piece

PRIOR = {
    Kind.ANSWER: 0.25,
    Kind.REQUEST: 0.35,
    Kind.RESULT_PROSE: 0.26,
    Kind.RESULT_JSON: 0.42,
    Kind.RESULT_DENSE: 0.38,
    Kind.USER: 0.25,
    Kind.REASONING: 0.0,
}
"""Tokens per byte: about 4 bytes a token for prose, 2.2 for JSON results. Hidden reasoning is not resent."""
FRAME = 5.0
"""Tokens that a provider adds around a message or a tool call."""
LOOSENESS = 0.4
"""How far a ratio may move from its prior, relative to it."""
RESENT_LOOSENESS = 0.3
"""How far the resent share of reasoning may move from none."""
NOISE = 0.05, 3.0
"""How exactly a turn's growth is explained by its bytes: relative, and in tokens."""
LOWEST = 0.1
"""No ratio falls below this share of its prior."""


@dataclass(frozen=True, slots=True)
class Ratios:
    """Tokens per byte by kind, and tokens per piece."""

    per_byte: tuple[float, ...]
    per_piece: float

    def weigh(self, piece: Piece) -> float:
        """Estimate the tokens of a piece whose size is known."""
        frame = 0.0 if piece.kind is Kind.REASONING else self.per_piece
        return self.per_byte[piece.kind] * (piece.size or 0) + frame


STANDARD = Ratios(tuple(PRIOR[kind] for kind in Kind), FRAME)


def fit(turns: Iterable[tuple[int, Sequence[Piece]]]) -> Ratios:
    """Fit ratios to turns of (tokens that joined, pieces that joined).

    Turns with a piece of unknown size, or that cannot be what their pieces say, are left out.
    """
    rows = [(tokens, _features(pieces)) for tokens, pieces in turns if _usable(tokens, pieces)]
    if not rows:
        return STANDARD
    expected = sum(_product(features, _prior(1.0)) for _, features in rows)
    scale = sum(tokens for tokens, _ in rows) / expected if expected else 1.0
    prior = _prior(scale)
    solution = _solve(*_normal_equations(rows, prior), prior)
    return Ratios(tuple(solution[: len(Kind)]), solution[len(Kind)])


def _usable(tokens: int, pieces: Sequence[Piece]) -> bool:
    if tokens <= 0 or not pieces or any(piece.size is None for piece in pieces):
        return False
    estimate = sum(STANDARD.weigh(piece) for piece in pieces)
    reasoning = sum(piece.size or 0 for piece in pieces if piece.kind is Kind.REASONING)
    return estimate / 4 < tokens < estimate * 4 + 40 + reasoning


def _features(pieces: Sequence[Piece]) -> list[float]:
    features = [0.0] * (len(Kind) + 1)
    for piece in pieces:
        features[piece.kind] += piece.size or 0
        features[len(Kind)] += piece.kind is not Kind.REASONING
    return features


def _prior(scale: float) -> list[float]:
    return [scale * PRIOR[kind] for kind in Kind] + [FRAME]


def _product(left: Sequence[float], right: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))


def _normal_equations(
    rows: Sequence[tuple[int, list[float]]], prior: Sequence[float]
) -> tuple[list[list[float]], list[float]]:
    size = len(prior)
    tight = [1 / (LOOSENESS * value or RESENT_LOOSENESS) ** 2 for value in prior]
    matrix = [[tight[i] if i == j else 0.0 for j in range(size)] for i in range(size)]
    right = [tight[i] * prior[i] for i in range(size)]
    relative, absolute = NOISE
    for tokens, features in rows:
        weight = 1 / (relative * tokens + absolute) ** 2
        present = [i for i in range(size) if features[i]]
        for i in present:
            right[i] += weight * features[i] * tokens
            for j in present:
                matrix[i][j] += weight * features[i] * features[j]
    return matrix, right


def _solve(matrix: list[list[float]], right: list[float], prior: list[float]) -> list[float]:
    """Minimise with every ratio at or above its bound: those that would fall below are held there."""
    held: dict[int, float] = {}
    while True:
        free = [i for i in range(len(prior)) if i not in held]
        rest = [right[i] - sum(matrix[i][j] * value for j, value in held.items()) for i in free]
        solution = dict(zip(free, _eliminate([[matrix[i][j] for j in free] for i in free], rest), strict=True))
        low = {i: LOWEST * prior[i] for i in free if solution[i] < LOWEST * prior[i]}
        if not low:
            return [held[i] if i in held else solution[i] for i in range(len(prior))]
        held.update(low)


def _eliminate(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Solve a positive definite system."""
    size = len(right)
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for i in range(size):
        for j in range(i + 1, size):
            factor = rows[j][i] / rows[i][i]
            if factor:
                rows[j] = [mine - factor * pivot for mine, pivot in zip(rows[j], rows[i], strict=True)]
    found = [0.0] * size
    for i in reversed(range(size)):
        found[i] = (rows[i][size] - sum(rows[i][j] * found[j] for j in range(i + 1, size))) / rows[i][i]
    return found
