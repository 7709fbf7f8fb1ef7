"""What secrets look like: data, in RE2's syntax, where no pattern takes more than linear time.

A pattern has one group, the secret itself, and an anchor: what is found in the JSON text of a column wherever the
pattern matches a string in it, however often that string was packed into JSON. Anchors are looked for in all rows at
once; only a row with one is taken apart. A pattern must not begin with a repetition, nor wait without bound for what
comes after one: then a search for the next of many secrets would look at the rest of the text each time.

Sources: the formats that the providers document for their keys and tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_START: Final = r"(?:\b|\\[nrtbf]|\\u[0-9a-fA-F]{4})"
"""A word's beginning, also after an escape in JSON text."""
_SPACE: Final = r"(?:\s|\\[nrtbf])"
_QUOTE: Final = r"""\\*["'`]"""
_NAMES: Final = (
    r"passw(?:or)?d|passphrase|secret|api[_-]?key|(?:access|auth|refresh|id|bearer|session|api)[_-]?token|"
    r"(?:private|secret|access|encryption|signing)[_-]?key|authorization|credentials?|cookie"
)
"""Endings of names whose text is a secret whatever it looks like."""
_SHOUTED: Final = r"(?:_KEY|TOKEN|SECRET|PASSWORD|PASSWD|_PWD|CREDENTIALS?|PASSPHRASE)"
_OPTIONS: Final = r"--(?:password|passphrase|token|api-?key|secret|client-secret|auth-token)"
_PARAMETERS: Final = (
    r"(?:[?&;]|u0026)(?i:api_?key|access_token|auth_token|token|sig|signature|x-amz-signature|password|secret|key)="
)

ESCAPED: Final = r"\\u00[2-7]|\$bytes"
"""Anchor of what hides text from the other anchors: an escape of plain ASCII, bytes in base64."""
SENSITIVE_NAME: Final = rf"(?i)(?:.*[_.-])?(?:{_NAMES})"
"""The whole name of a value that is a secret whatever it looks like."""
AMBIGUOUS_NAME: Final = "token"
"""The name of a value that is a secret where it looks like one: it is also a word of linguistics."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One kind of secret."""

    kind: str
    pattern: str
    anchor: str | None
    """None where none is known: then every row is taken apart."""
    check: Callable[[str], bool] | None = None
    """Says whether a match is one, where its form alone does not."""


def mixed(text: str) -> bool:
    """Whether text has both letters and digits, as generated secrets have and most words have not."""
    return any(map(str.isdigit, text)) and any(map(str.isalpha, text))


def written_out(text: str) -> bool:
    """Whether text may be a value itself, not a place for one (`$NAME`, `{name}`, `****`, `...`)."""
    return not text.startswith(("$", "{", "%", "[REDACTED:")) and not set(text) <= set("*.xX-_")


def _mixed_and_written_out(text: str) -> bool:
    return mixed(text) and written_out(text)


def _three_parts(text: str) -> bool:
    return text.count(".") == 2  # noqa: PLR2004 - RFC 7519: header, payload, signature


def _prefixed(kind: str, prefix: str, letters: str, least: int, check: Callable[[str], bool] | None = None) -> Pattern:
    """Return the pattern of a token that is known by how it begins."""
    return Pattern(
        kind, rf"{_START}({prefix}{letters}{{{least},}})", rf"{_START}{prefix}{letters}{{{min(least, 8)}}}", check
    )


SECRETS: Final = (
    Pattern(
        "private_key",
        r"(-----BEGIN[ A-Z0-9]*PRIVATE KEY[^-]*-----(?s:.*?)(?:-----END[ A-Z0-9]*PRIVATE KEY[^-]*-----|\z))",
        r"-----BEGIN[ A-Z0-9]*PRIVATE KEY",
    ),
    Pattern("jwt", rf"{_START}(eyJ[\w-]{{16,}}(?:\.[\w-]*){{0,2}})", r"eyJ[\w-]{16,}\.[\w-]*\.", _three_parts),
    Pattern(
        "aws_access_key",
        rf"{_START}(A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{{16}})\b",
        rf"{_START}A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{{16}}",
    ),
    Pattern(
        "aws_secret_key",
        rf"(?i:secret_?(?:access)?_?key){_QUOTE}{{0,2}}\s*[:=]\s*{_QUOTE}{{0,2}}([A-Za-z0-9/+]{{40}})",
        rf"(?i:secret_?(?:access)?_?key){_QUOTE}{{0,2}}{_SPACE}*[:=]",
    ),
    _prefixed("github_token", "(?:gh[pousr]_|github_pat_)", r"\w", 22),
    _prefixed("gitlab_token", "gl(?:pat|ptt|dt|rt|soat|cbt|ft|imt|agent)-", r"[\w-]", 20),
    _prefixed("api_key", "sk-", r"[\w-]", 20, mixed),
    _prefixed("api_key", "(?:gsk_|csk-|xai-|pplx-|nvapi-|tvly-|hf_|r8_|lsv2_|npm_|lin_api_|ntn_)", r"[\w-]", 20, mixed),
    _prefixed("api_key", r"(?:SG|hv[sbr]|dp\.[a-z]{2})\.", r"[\w.-]", 20, mixed),
    _prefixed("api_key", "(?:do[opr]_v1_|shp(?:at|ca|pa|ss)_|dapi|key-|SK|PMAK-)", "[0-9a-f]", 24),
    _prefixed("api_key", "(?:pypi-AgE|ATATT3)", r"[\w=-]", 40),
    _prefixed("stripe_key", "(?:[srp]k_(?:live|test)_|whsec_)", r"\w", 16),
    _prefixed("google_key", "AIza", r"[\w-]", 35),
    _prefixed("google_key", r"(?:ya29\.|GOCSPX-)", r"[\w-]", 20),
    _prefixed("slack_token", "(?:xox[abeoprs]-|xapp-)", r"[A-Za-z0-9-]", 10),
    Pattern("slack_token", r"hooks\.slack\.com/services/([\w/]{20,})", r"hooks\.slack\.com"),
    Pattern("telegram_token", rf"{_START}(\d{{8,10}}:AA[\w-]{{33}})", r"\d:AA[\w-]{33}"),
    Pattern("azure_key", r"(?i:accountkey|accesskey)=([A-Za-z0-9+/=]{40,})", r"(?i:accountkey|accesskey)="),
    Pattern(
        "bearer_token",
        rf"{_START}(?i:bearer)(?: {{1,8}}|%20)([\w.~+/=-]{{16,}})",
        rf"{_START}(?i:bearer)(?: |%20)",
        mixed,
    ),
    Pattern("basic_auth", r"(?i:basic) {1,8}([A-Za-z0-9+/]{12,}={0,2})", r"(?i:basic) +[A-Za-z0-9+\\/]{12}", mixed),
    Pattern(
        "url_password",
        r"\w:\\*/\\*/[^\s/:@\"'<>\\]*:([^\s/@\"'<>\\]+)@",
        r"\w:\\*/\\*/[^\s/:@\"'<>\\]*:[^\s/@\"'<>\\]+@",
        written_out,
    ),
    Pattern("url_secret", rf"{_PARAMETERS}([^&\s\"'<>\\#]{{8,}})", _PARAMETERS, _mixed_and_written_out),
    Pattern(
        "curl_password",
        r"\bcurl\b[^\n]{0,300}?\s(?:-u|--user)[ =]\\*[\"']?[^\s:\"'\\]{1,100}:([^\s\"'\\]{3,})",
        rf"{_SPACE}(?:-u|--user)[ =]\\*[\"']?[^\s:\"'\\]+:",
        written_out,
    ),
    Pattern(
        "password",
        rf"(?i:{_NAMES}){_QUOTE}\s*[:=]\s*{_QUOTE}([^\"'`\\]{{4,}})",
        rf"(?i:{_NAMES}|{AMBIGUOUS_NAME}){_QUOTE}{_SPACE}*[:=]{_SPACE}*{_QUOTE}",
        written_out,
    ),
    Pattern(
        "password",
        rf"(?i:{_OPTIONS})(?:=| +)\\*[\"']?([^\s\"'\\-][^\s\"'\\]{{5,}})",
        rf"(?i:{_OPTIONS})[ =]",
        written_out,
    ),
    Pattern(
        "password",
        rf"{_SHOUTED}\\*[\"']?\s*=\s*\\*[\"']?([^\s\"'\\$<>(){{}};,]{{6,}})",
        rf"{_SHOUTED}\\*[\"']?{_SPACE}*=",
        written_out,
    ),
    Pattern(
        "password",
        r"(?i:password|passwd|passphrase|pwd)(?:\s*[:=]|\s+is\b)\s*\\*[\"'`]?([^\s\"'`,;<>(){}\\$]{6,})",
        rf"(?i:password|passwd|passphrase|pwd){_SPACE}*(?:[:=]|is\b)",
        _mixed_and_written_out,
    ),
)
"""Every built-in kind; of two that match at the same place the earlier wins."""
