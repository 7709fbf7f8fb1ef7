"""What a shell command reads and writes, by its verbs; anything not recognised may write anything."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from processors.effects import names

SEPARATORS = frozenset(";&|\n(){}")
DOCUMENT = "<<"
"""Announces lines of input that stand in the command itself."""
NOWHERE = frozenset({"/dev/null", "/dev/stderr", "/dev/stdout", "&1", "&2"})


@dataclass(slots=True)
class ShellEffect:
    """Files that a command names, and whether it may do more than that."""

    reads: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    wrote: bool = False
    anywhere: bool = False
    """It reads or writes a whole tree without naming it."""
    unknown: bool = False


def shell_effect(command: str) -> ShellEffect:
    """Read the effect of a command line off its verbs, options and redirections."""
    effect = ShellEffect()
    try:
        tokens = _tokens(command)
    except ValueError:
        effect.unknown = True
        return effect
    folder = ""
    for words, redirected in _commands(tokens, effect):
        effect.writes |= {_join(folder, file) for file in redirected}
        effect.wrote = effect.wrote or bool(redirected)
        if len(words) > 1 and words[0] == "cd":
            folder = _join(folder, words[1])
        elif words:
            _simple(words, folder, effect)
    return effect


def _tokens(command: str) -> list[str]:
    lexer = shlex.shlex(command, posix=True, punctuation_chars=";&|<>\n()")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    return list(lexer)


def _commands(tokens: Iterable[str], effect: ShellEffect) -> Iterator[tuple[list[str], list[str]]]:
    """Split at separators into words and the files that output is redirected into.

    A document in the command begins after the line that announces it, and is not read.
    """
    words: list[str] = []
    files: list[str] = []
    redirect: str | None = None
    document_follows = False
    for token in tokens:
        if redirect is not None:
            if ">" in redirect and token not in NOWHERE and not token.isdigit():
                files.append(token)
            redirect = None
        elif token and set(token) <= set("<>&") and set(token) & set("<>"):
            redirect = token
            if words and words[-1].isdigit():
                words.pop()
            if token.startswith("<<"):
                effect.unknown = effect.unknown or not words or words[0] not in names.SHELL_READS | {"tee"}
                document_follows = document_follows or token == DOCUMENT
        elif document_follows and "\n" in token and set(token) <= SEPARATORS:
            break
        elif token and set(token) <= SEPARATORS:
            yield words, files
            words, files = [], []
        else:
            words.append(token)
    yield words, files


def _simple(words: list[str], folder: str, effect: ShellEffect) -> None:
    while words and (("=" in words[0] and not words[0].startswith("-")) or words[0] in ("sudo", "time", "command")):
        words = words[1:]
    if not words:
        return
    verb, rest = words[0].rsplit("/", 1)[-1], words[1:]
    if verb in ("bash", "sh", "zsh") and len(rest) > 1 and rest[0].startswith("-") and "c" in rest[0]:
        inner = shell_effect(rest[1])
        effect.reads |= inner.reads
        effect.writes |= inner.writes
        effect.wrote, effect.unknown = effect.wrote or inner.wrote, effect.unknown or inner.unknown
        effect.anywhere = effect.anywhere or inner.anywhere
        return
    operands = {_join(folder, word) for word in _operands(verb, rest)}
    if verb in names.SHELL_NEUTRAL:
        return
    if _writes(verb, rest):
        effect.writes |= operands
        effect.wrote = True
        effect.anywhere = effect.anywhere or (verb == "git" and rest[0] in names.GIT_SWEEPS)
    elif _reads(verb, rest):
        effect.reads |= operands
        effect.anywhere = effect.anywhere or _looks_everywhere(verb, rest, len(operands))
    elif _is_told_to_write(rest):
        effect.wrote = effect.anywhere = True
        effect.writes |= operands
    else:
        effect.unknown = True
        effect.reads |= operands


def _is_told_to_write(rest: list[str]) -> bool:
    """Whether the first words after a program say that it changes something: `pip install`, `gh issue close`."""
    plain = [word for word in rest if not word.startswith("-")]
    return not names.WRITE_VERBS.isdisjoint(plain[:2])


def _operands(verb: str, rest: list[str]) -> list[str]:
    plain = [word for word in rest if word and not word.startswith("-")]
    return plain[1:] if verb in names.SHELL_SUBCOMMANDS else plain


def _writes(verb: str, rest: list[str]) -> bool:
    if verb == "git":
        return bool(rest) and rest[0] in names.GIT_WRITES
    return verb in names.SHELL_WRITES or _has_option(rest, names.WRITING_OPTIONS.get(verb, ()))


def _reads(verb: str, rest: list[str]) -> bool:
    if verb in names.SHELL_SUBCOMMANDS:
        subcommand = next((word for word in rest if not word.startswith("-")), "")
        return subcommand in names.SHELL_SUBCOMMANDS[verb]
    return verb in names.SHELL_READS or verb == "curl"


def _looks_everywhere(verb: str, rest: list[str], operands: int) -> bool:
    recursive = verb in names.SHELL_RECURSIVE or (verb == "grep" and _has_option(rest, ("-r", "-R", "--recursive")))
    return recursive and operands < 2  # noqa: PLR2004 - a pattern and a place to look


def _has_option(rest: list[str], options: Iterable[str]) -> bool:
    return any(word == option or (option[1] != "-" and word.startswith(option)) for word in rest for option in options)


def _join(folder: str, word: str) -> str:
    return word if not folder or word.startswith(("/", "~")) or "://" in word else f"{folder.rstrip('/')}/{word}"
