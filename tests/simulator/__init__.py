"""An agent loop against a simulated provider, whose cost without a step is known by running it without the step.

`scenario` makes a random plan, `world` runs it against a `provider`, `recording` turns a run into what a collector
would have seen. Nothing here imports the code that it judges: only the plain types of `processors.model`, the price
types and the collector's records.
"""
