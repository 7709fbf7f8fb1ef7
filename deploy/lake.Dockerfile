# The collector's image with DuckDB's extensions for a lake (docs/scale.md), after `docker build --tag clawtrace-otel:local .`:
#   docker build --tag clawtrace-otel-lake:local --file deploy/lake.Dockerfile .
FROM docker.io/library/python:3.13-slim-trixie AS extensions
COPY pyproject.toml /tmp/
RUN python3 -m venv /opt/pip \
    && python3 -c "import tomllib; extras = tomllib.load(open('/tmp/pyproject.toml', 'rb'))['project']['optional-dependencies']; \
print(*(name for name in extras['lake'] if name.startswith('duckdb-extension')), sep='\n')" > /tmp/requirements.txt \
    && /opt/pip/bin/pip install --no-cache-dir --no-deps --target /extensions --requirement /tmp/requirements.txt

FROM clawtrace-otel:local
COPY --from=extensions /extensions /opt/clawtrace/lib/python3.13/site-packages
# The lake is named by CLAWTRACE_STORE and CLAWTRACE_DATA; the key of redaction is kept in /data where none is given.
ENV XDG_DATA_HOME=/data
CMD ["serve", "--host", "0.0.0.0"]
