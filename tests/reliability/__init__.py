"""`make reliability`: load held, faults survived and bad inputs tried, each with what was measured and what was lost.

A check is a function that takes a folder of its own, works on real processes, and returns its figures in words; it
raises AssertionError where anything acknowledged was lost. The most important ones run with small sizes in
`tests/e2e`. `docs/reliability.md` is written from the results.
"""
