"""What the client says where it cannot speak with a collector."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from clawtrace_otel.cli.errors import CliError
from clawtrace_otel.cli.http import HttpClient, token_from_environment


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """Yield the address of a server that answers the first request with these bytes and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"\x00\x00\x18\x04\x00\x00\x00\x00\x00", "give the HTTP address"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", "interrupted: try again"),
        (b"", "start one with 'clawtrace serve'"),
    ],
)
def test_an_answer_that_is_none_says_what_to_do(answer: bytes, said: str) -> None:
    """The gRPC port, an answer that breaks off and a server that hangs up are told apart, none of them as a bug."""
    with answering(answer) as endpoint, pytest.raises(CliError, match=said):
        HttpClient(endpoint).send("GET", "/healthz")


def test_a_line_break_after_the_token_is_no_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret that was made from a file of one line ends in a line break."""
    monkeypatch.setenv("CLAWTRACE_TOKEN", "abcdefgh12345678\n")
    assert token_from_environment() == "abcdefgh12345678"


@pytest.mark.parametrize("token", ["first-line\nsecond-line", "price-in-\u20ac", "bell-\x07"])
def test_a_token_that_no_header_can_hold_is_refused_without_being_shown(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be sent is said before it is tried, and no part of the secret with it."""
    monkeypatch.setenv("CLAWTRACE_TOKEN", token)
    with pytest.raises(CliError, match="printable ASCII") as refused:
        token_from_environment()
    assert not any(word in str(refused.value) for word in token.split())


@pytest.mark.parametrize("value", ["", " ", "\n"])
def test_an_empty_token_is_none(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is set to nothing demands nothing."""
    monkeypatch.setenv("CLAWTRACE_TOKEN", value)
    assert token_from_environment() is None
