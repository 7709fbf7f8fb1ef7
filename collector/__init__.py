"""OTLP bytes to durable rows, and SQL for outsiders.

Data comes from any OpenTelemetry exporter over gRPC or HTTP and goes, once committed, to the `processors` as
`Span` and `LogRecord` objects and to people as the SQL views of `store/sql`. Nothing in here knows what a language
model is: attribute names that matter to sessions arrive as configuration.
"""
