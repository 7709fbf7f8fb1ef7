"""Fuzzing of every border where foreign bytes become ours.

`targets` says what is fed and what may happen; `atheris_run` drives a target by coverage where atheris is installed,
`mutate` without it, and in `make test` with few inputs.
"""
