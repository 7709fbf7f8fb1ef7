"""What a shell command writes, wherever in the line it says so."""

from __future__ import annotations

import pytest

from processors.effects.shell import shell_effect


@pytest.mark.parametrize(
    ("command", "written"),
    [
        ("cat > a.txt <<EOF\nhello\nEOF", {"a.txt"}),
        ("cat <<'EOF' > a.txt\nhello\nEOF\n", {"a.txt"}),
        ("cat <<EOF | tee b.txt\nhello\nEOF", {"b.txt"}),
        ("cat <<< hello > c.txt", {"c.txt"}),
        ("cat <<EOF\nhello > d.txt\nEOF", set()),
    ],
)
def test_a_document_hides_no_redirection(command: str, written: set[str]) -> None:
    """The line that announces a document is read to its end, the document itself is not."""
    effect = shell_effect(command)
    assert (effect.writes, effect.wrote, effect.unknown) == (written, bool(written), False)


def test_one_directory_after_another_is_where_both_lead() -> None:
    """`cd` goes on from where the `cd` before it went, unless it names a place by its whole path."""
    assert shell_effect("cd a && cd b && rm f").writes == {"a/b/f"}
    assert shell_effect("cd a && cd /b && rm f").writes == {"/b/f"}
