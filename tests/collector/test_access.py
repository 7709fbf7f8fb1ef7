"""Tokens: who is let in for what, and files of them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.access import Access, Scope, Token, read_tokens
from collector.errors import ForbiddenError, TokenFileError, UnauthorizedError
from collector.http_guard import needed

SECRET = "0123456789abcdef"


def written(folder: Path, text: str) -> Path:
    """Return a file with that text."""
    path = folder / "tokens.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@given(st.text(), st.text())
def test_only_equal_tokens_get_in(secret: str, guess: str) -> None:
    """Whatever two texts are, one opens what the other protects only where they are equal."""
    access = Access((Token.of("one", secret),))
    if guess.strip() == secret:
        access.check(f"Bearer {guess}", Scope.READ)
    else:
        with pytest.raises(UnauthorizedError):
            access.check(f"Bearer {guess}", Scope.READ)


@pytest.mark.parametrize("header", [None, "", "Bearer", SECRET, f"Basic {SECRET}", f"Bearer {SECRET}x"])
def test_a_header_that_is_not_a_known_bearer_is_refused(header: str | None) -> None:
    """Scheme and token must both be there and right."""
    with pytest.raises(UnauthorizedError):
        Access((Token.of("one", SECRET),)).check(header, Scope.INGEST)


@pytest.mark.parametrize("held", list(Scope))
@pytest.mark.parametrize("wanted", list(Scope))
def test_scopes_are_kept_apart(held: Scope, wanted: Scope) -> None:
    """A token is good for its own scope; admin for every one."""
    access = Access((Token.of("other", "x" * 20), Token.of("one", SECRET, [held])))
    if held in {wanted, Scope.ADMIN}:
        access.check(f"bearer {SECRET}", wanted)
    else:
        with pytest.raises(ForbiddenError, match=wanted.value):
            access.check(f"bearer {SECRET}", wanted)


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/v1/traces", Scope.INGEST),
        ("POST", "/api/sql", Scope.READ),
        ("GET", "/api/sessions", Scope.READ),
        ("GET", "/metrics", Scope.READ),
        ("POST", "/api/compile", Scope.ADMIN),
        ("POST", "/api/sessions/a/outcome", Scope.ADMIN),
        ("DELETE", "/api/sessions/a", Scope.ADMIN),
        ("POST", "/api/something-new", Scope.ADMIN),
    ],
)
def test_what_a_request_needs(method: str, path: str, scope: Scope) -> None:
    """What is not known to only read or send needs the highest scope, also what is added later."""
    assert needed(method, path) is scope


def test_a_file_of_tokens(tmp_path: Path) -> None:
    """A token may stand there itself or as its SHA-256; its scopes are those of the file."""
    digest = hashlib.sha256(b"another secret text").hexdigest()
    path = written(
        tmp_path,
        f"tokens:\n- name: agents\n  scopes: [ingest]\n  token: {SECRET}\n"
        f"- name: people\n  scopes: [read, ingest]\n  sha256: {digest}\n",
    )
    access = Access(read_tokens(path))
    access.check(f"Bearer {SECRET}", Scope.INGEST)
    access.check("Bearer another secret text", Scope.READ)
    with pytest.raises(ForbiddenError, match="agents"):
        access.check(f"Bearer {SECRET}", Scope.READ)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tokens: []\n", "line 1"),
        (f"tokens:\n- name: a\n  scopes: [read]\n  token: {SECRET}\n  {SECRET}: 1\n", "line 5"),
        (f"tokens:\n- name: a\n  scopes: [{SECRET}]\n  token: {SECRET}\n", "line 3"),
        ("tokens:\n- name: a\n  scopes: [read]\n  token: short-secret\n", "line 4"),
        (f"tokens:\n- name: a\n  scopes: [read]\n  sha256: {SECRET}\n", "line 4"),
        ("tokens:\n- name: a\n  scopes: [read]\n", "tokens.0: give either 'token' or 'sha256'"),
        (f"{SECRET}\n", "line 1"),
        (f"tokens:\n- &x {SECRET}\n", "line 2"),
        ("tokens:\n" + "".join(f"- name: {n}\n  scopes: [read]\n  token: {SECRET}\n" for n in "ab"), "twice"),
    ],
)
def test_a_wrong_file_is_explained_without_its_secrets(tmp_path: Path, text: str, said: str) -> None:
    """The line is named; nothing that may be a token is repeated, wherever in the file it stands."""
    with pytest.raises(TokenFileError, match=said) as refused:
        read_tokens(written(tmp_path, text))
    assert SECRET not in str(refused.value)
    assert "short-secret" not in str(refused.value)
