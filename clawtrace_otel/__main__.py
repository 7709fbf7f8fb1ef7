"""`clawtrace`, also as `python -m clawtrace_otel`."""

from __future__ import annotations

import sys

WRONG_USAGE = 2
OUR_PACKAGES = ("clawtrace_otel", "collector", "processors", "costcraft")


def main() -> int:
    """Run the command line and return its exit code; 2 and one plain line where the `server` extra is missing.

    Raises:
        ModuleNotFoundError: a module of this distribution itself is missing, which an extra would not mend.
    """
    try:
        # Imported late: agents install the light base, which lacks what the commands need.
        from clawtrace_otel.cli.app import main as run  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] in OUR_PACKAGES:
            raise
        sys.stderr.write(
            f"clawtrace: the command line needs the server extra ({missing.name} is not installed): "
            "pip install 'clawtrace-otel[server]'\n"
        )
        return WRONG_USAGE
    return run()


if __name__ == "__main__":
    sys.exit(main())
