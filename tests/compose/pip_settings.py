"""Hand this machine's way to a package index to a pip that runs in a container.

Writes the settings to the file named by the only argument, and prints what the build has to mount, one `--volume`
value per line: that file as `/etc/pip.conf`, and the certificates that it names. Indexes that are folders of this
machine stay behind.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ADDRESSES = ("index-url", "extra-index-url", "proxy", "trusted-host")
CERTIFICATES = ("cert", "client-cert")


def settings(listing: str) -> dict[str, str]:
    """Read `pip config list`: later lines beat earlier ones, which is how pip orders its sources."""
    found: dict[str, str] = {}
    for line in listing.splitlines():
        name, separator, value = line.partition("=")
        if separator:
            found[name.rpartition(".")[2]] = str(ast.literal_eval(value))
    return found


def main() -> int:
    """Write the file and print the mounts."""
    target = Path(sys.argv[1]).absolute()
    pip = [sys.executable, "-m", "pip", "config", "list"]
    found = settings(subprocess.run(pip, check=True, capture_output=True, text=True).stdout)
    lines = ["[global]"]
    mounts = [f"{target}:/etc/pip.conf:ro"]
    for name in ADDRESSES:
        words = [word for word in found.get(name, "").split() if not word.startswith("file:")]
        if words:
            lines.append(f"{name} = {' '.join(words)}")
    for name in CERTIFICATES:
        if name in found:
            lines.append(f"{name} = {found[name]}")
            mounts.append(f"{found[name]}:{found[name]}:ro")
    target.write_text("\n".join([*lines, ""]), encoding="utf-8")
    sys.stdout.write("\n".join([*mounts, ""]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
