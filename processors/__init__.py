"""A session of spans and log records to a TraceCard: normalise, price, attribute, flag, compile.

Data comes from the collector as `collector.model.Span` and `LogRecord`, and goes to `costcraft` and to the derived
tables as a `TraceCard` and rows. Five pure calls; nothing in here opens a file or a socket, except that prices are read
when a price book is made:

    book = price_book()
    for session in normalise(spans, logs):
        prices = price(session, book)
        ledger = attribute(session, prices)
        findings = flag(session, ledger)
        print(compile_card(session, prices, ledger, findings).to_yaml())

`pipeline.compile_group` makes the same calls; it also takes recorded outcomes and a user's rules about tools, and works
out what leaving out a step would have saved.
"""
