"""Large requests in protobuf, decoded column by column.

Data comes in as the body of one export request. It leaves as the Arrow columns of `collector.columns`, equal to what
`collector.decode_rows` makes of the same body span by span. Arrow works on whole columns without the interpreter's
lock, so a commit goes on meanwhile.

Only what is in order is decoded here. A request with anything malformed, too large or rare is declined as a whole, and
decoded row by row, where losses are counted.
"""

from collector.columnar.messages import DeclinedError
from collector.columnar.spans import SpanColumns, Worthwhile

__all__ = ["DeclinedError", "SpanColumns", "Worthwhile"]
