"""What is recognised as a secret, wherever it stands, and what is not one."""

from __future__ import annotations

import json
import re

import pyarrow as pa
import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from collector.redaction import BatchRedactor, Counts, Redaction
from collector.redaction.batches import rows_with
from tests.collector.otlp import batch_of, decode
from tests.collector.redaction.support import KEY, RANDOM, SECRETS, packed, redacted_batch, span_with, stored, unpacked

AROUND = ("{}", "key: {}", "é{}", "\n{}\n", "it is '{}'.", '"{}"', "({})", "a\t{} b", "`{}`", "x={};y")


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("layers", [0, 1, 3])
def test_a_secret_is_found_wherever_it_stands(kind: str, layers: int) -> None:
    """Alone, in a sentence, after a line break or a letter that is no ASCII, and inside JSON inside JSON."""
    secret = SECRETS[kind]
    for around in AROUND:
        (kept,) = stored({"attribute": packed(around.format(secret), layers)}).values()
        before, after = around.format("*").split("*")
        mark = rf"\[REDACTED:{kind.split(maxsplit=1)[0]}#[0-9a-f]{{16}}\]"
        assert re.fullmatch(re.escape(before) + mark + re.escape(after), unpacked(kept, layers)), around


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("postgresql://app:hunter2@db.example/prod", "hunter2"),
        ("amqps://:pa55%21@queue:5671", "pa55%21"),
        ("https:\\/\\/me:hunter2@host\\/x", "hunter2"),
        ("GET /file?id=7&X-Amz-Signature=0a1b2c3d4e5f6a7b&x=1", "0a1b2c3d4e5f6a7b"),
        ("https://maps.example/api?key=Qx7Yp2Lk9Zt", "Qx7Yp2Lk9Zt"),
        ("Authorization: Bearer Qx7Yp2Lk9ZtWm4Vn", "Qx7Yp2Lk9ZtWm4Vn"),
        ("{'Authorization': 'Basic dXNlcjpodW50ZXIy'}", "dXNlcjpodW50ZXIy"),
        ("curl -s -u me:hunter2 https://host", "hunter2"),
        ("mysql --password=hunter22 -h db", "hunter22"),
        ("export DB_PASSWORD='correct-horse'", "correct-horse"),
        ("OPENAI_API_KEY=abcdefghijkl", "abcdefghijkl"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzzzzz", "wJalrXUtnFEMI"),
        ("the password is hunter2-x", "hunter2-x"),
        ("{'api_key': 'abcd efgh'}", "abcd efgh"),
        ('{"client_secret": "abcdefgh", "cut off', "abcdefgh"),
        ('event: x\ndata: {"password":"abcdefgh"}\n', "abcdefgh"),
        ("DefaultEndpointsProtocol=https;AccountName=x;AccountKey=" + RANDOM + "abcdefgh==", RANDOM),
    ],
)
@pytest.mark.parametrize("layers", [0, 2])
def test_a_secret_that_its_surroundings_give_away(text: str, secret: str, layers: int) -> None:
    """Passwords have no form of their own: the address, header, option or assignment tells."""
    (kept,) = stored({"attribute": packed(text, layers)}).values()
    assert secret not in kept
    assert "[REDACTED:" in kept


@pytest.mark.parametrize("name", ["password", "db.password", "x-api-key", "clientSecret", "refresh_token", "Cookie"])
@pytest.mark.parametrize("layers", [0, 1, 2])
def test_a_name_that_says_secret(name: str, layers: int) -> None:
    """Text under such a name goes as a whole, as an attribute and in JSON in any depth; what is beside it stays."""
    if layers == 0:
        assert stored({name: "correct horse"})[name].startswith("[REDACTED:password#")
        return
    inside = json.dumps({name: "correct horse", "count": 3, "of": "horses"})
    (kept,) = stored({"attribute": packed(inside, layers - 1)}).values()
    assert "correct horse" not in kept
    assert "horses" in kept


@pytest.mark.parametrize(
    "text",
    [
        "task-1234567890abcdefghij and risk-adjusted-return-model-2",
        "sk-learn-compatible-estimators-and-friends",
        "call_abc123DEF456ghi789JKL toolu_01AbCdEfGhIjKlMnOpQrStUv chatcmpl-AbC123dEf456",
        "https://host:8080/path?key=words&page=2",
        "max_tokens: 1024, input_tokens=99, token: the",
        '{"token": "hello", "logprob": -0.5}',
        '{"password": {"type": "string"}, "secret": true, "api_key": null}',
        "PASSWORD=$DB_PASSWORD and --token ${TOKEN} and password: required",
        "api_key='****', secret='...'",
        "git@github.com:owner/repo.git",
        "eyJub3QiOiJhIGp3dCJ9-just-base64",
        "0123456789abcdef0123456789abcdef",
        "PWD=/home/someone/project",
        "bearer of good news and basic authentication",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    """Not a letter of the attribute is changed, and nothing is noted."""
    batch, counts = redacted_batch(span_with({"attribute": text, "other": packed(text, 2)}))
    assert json.loads(batch.spans.column("attributes")[0].as_py()) == {"attribute": text, "other": packed(text, 2)}
    assert not counts


def test_a_secret_in_bytes_is_found() -> None:
    """Bytes that are text are looked into."""
    request = span_with({})
    attribute = request.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="raw")
    attribute.value.bytes_value = f"token {SECRETS['github_token']}".encode()
    _, counts = redacted_batch(request)
    assert counts == {"github_token": 1}


@given(
    before=st.text(max_size=12),
    after=st.text(max_size=12),
    layers=st.integers(0, 3),
    ascii_only=st.booleans(),
    kind=st.sampled_from(sorted(SECRETS)),
)
def test_the_search_over_columns_sees_whatever_the_patterns_see(
    *, before: str, after: str, layers: int, ascii_only: bool, kind: str
) -> None:
    """An anchor may find too much, never too little: a secret that a look at the text finds has its row taken apart."""
    redactor = BatchRedactor(Redaction(), KEY)
    text = before + SECRETS[kind] + after
    for _ in range(layers):
        text = json.dumps({"content": text}, ensure_ascii=ascii_only)
    counts = redacted_batch(span_with({"a": text}))[1]
    looked = Counts()
    redactor._means.texts.value(text, looked)
    assert dict(counts) == dict(looked)


@given(st.lists(st.sampled_from(["", "plain", "AKIA" + "Q3XV9BN2MK7PL5ST", "x" * 50]), max_size=20), st.integers(0, 5))
def test_rows_are_found_by_one_search_over_their_bytes(texts: list[str], cut: int) -> None:
    """The rows are those that a search row by row would find, in a whole column and in a slice of one."""
    column = pa.array(texts, pa.string()).slice(cut)
    rows = rows_with(re2.compile(rb"AKIA[A-Z0-9]{16}"), column)
    assert rows == [row for row, text in enumerate(texts[cut:]) if text.startswith("AKIA")]


def test_many_secrets_take_time_in_proportion() -> None:
    """A megabyte of secrets, and of what only begins like some, is redacted at the speed of a kilobyte."""
    starts = ["eyJ" + "a" * 20 + "-", "curl ", "-----BEGIN ", "http://u:", "password=", "SK-", "bearer ", "?key="]
    text = " ".join(SECRETS["aws_access_key"] + " " + starts[number % len(starts)] for number in range(30_000))
    (kept,) = stored({"a": text}).values()
    assert SECRETS["aws_access_key"] not in kept
    assert batch_of(decode(span_with({"a": kept}).SerializeToString())).spans.num_rows == 1
