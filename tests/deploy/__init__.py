"""What `deploy/` and `docs/` hand to other programs, tried with those programs where they are installed."""
