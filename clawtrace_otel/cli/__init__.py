"""The command line: one file per command, and the only place where the packages are wired together."""
