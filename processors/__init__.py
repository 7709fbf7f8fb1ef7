"""A session of spans and log records to a TraceCard: normalise, price, attribute, flag, compile.

Data comes from the collector as `collector.model.Span` and `LogRecord`, and goes to `costcraft` and to the derived
tables as a `TraceCard` and rows. Five pure calls, in `pipeline.py`; nothing in here opens a file or a socket, except
that prices are read when a price book is made.
"""
