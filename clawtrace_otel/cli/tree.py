"""A session as a tree on the terminal: what each step cost, what of it was carrying, what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from clawtrace_otel.cli.output import shown, usd

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

    from clawtrace_otel.cli.steps import StepNode, StepTree

MOST_STEPS: Final = 400
"""A longer tree is no picture any more."""


def rich_tree(tree: StepTree, title: str) -> Tree:
    """Return the tree: with all below it, by itself, of which carried in later prompts."""
    from rich.text import Text
    from rich.tree import Tree

    root = Tree(Text(f"{shown(title)}  {usd(tree.session_usd)}", style="bold"))
    path: list[Tree] = [root]
    for count, (depth, node) in enumerate(tree.walk()):
        if count == MOST_STEPS:
            root.add(Text(f"... {len(tree.nodes) - count} more steps: 'clawtrace flame' draws them all", style="dim"))
            break
        del path[depth + 1 :]
        path.append(path[depth].add(_line(tree, node)))
    return root


def _line(tree: StepTree, node: StepNode) -> Text:
    from rich.text import Text

    line = Text(f"{shown(node.label)}  ")
    line.append(usd(tree.total_usd[node.step_id]), style="bold")
    if node.step_id in tree.children:
        line.append(f"  self {usd(node.self_usd)}", style="dim")
    if node.carried_usd:
        line.append(f"  carried {usd(node.carried_usd)}", style="dim")
    if node.error_type is not None:
        line.append(f"  failed: {shown(node.error_type)}", style="red")
    if node.findings:
        line.append(f"  {', '.join(node.findings)}", style="yellow")
    return line
