"""An order desk on sqlite: tools, an oracle, and a scripted agent that wastes and fails in known ways.

It shows CostCraft end to end without a model or a key: `python -m examples.order_desk --condition base` sends its
sessions, with what the oracle found, to `OTEL_EXPORTER_OTLP_ENDPOINT`, and prints one verdict a line as well.
"""
