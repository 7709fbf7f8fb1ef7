# The collector and the clawtrace command as one image: docs/docker.md.

# Both stages name the same base, so that the virtual environment finds in the second the interpreter it was made with.
FROM docker.io/library/python:3.13-slim-trixie AS build
ENV PIP_NO_CACHE_DIR=1
WORKDIR /source
# The environment itself carries no pip: nothing is installed where it runs.
RUN python3 -m venv /opt/pip && python3 -m venv --without-pip /opt/clawtrace

# The dependencies in a layer of their own, which a change of the code alone does not build again.
COPY pyproject.toml ./
RUN python3 -c "import tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
print(*project['dependencies'], *project['optional-dependencies']['server'], sep='\n')" > /opt/requirements.txt \
    && /opt/pip/bin/pip --python /opt/clawtrace/bin/python3 install --requirement /opt/requirements.txt

COPY . .
RUN /opt/pip/bin/pip --python /opt/clawtrace/bin/python3 install --no-deps . \
    && site=$(/opt/clawtrace/bin/python3 -c "import sysconfig; print(sysconfig.get_path('purelib'))") \
    && rm -r "$site"/pyarrow/include "$site"/pyarrow/tests


FROM docker.io/library/python:3.13-slim-trixie
LABEL org.opencontainers.image.title="clawtrace-otel" \
      org.opencontainers.image.description="OTLP collector that says what each step of an AI agent cost and which of it was waste" \
      org.opencontainers.image.licenses="Apache-2.0"

RUN groupadd --gid 10001 clawtrace \
    && useradd --uid 10001 --gid clawtrace --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin clawtrace \
    && install --directory --owner=clawtrace --group=clawtrace --mode=0700 /data
COPY --from=build /opt/clawtrace /opt/clawtrace

# pip compiled the modules; the root file system may be read-only.
ENV PATH=/opt/clawtrace/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    CLAWTRACE_DB=/data/clawtrace.duckdb
# By number, so that an orchestrator can see that it is not root.
USER 10001:10001
EXPOSE 4317 4318

ENTRYPOINT ["clawtrace"]
CMD ["serve", "--host", "0.0.0.0", "--db", "/data/clawtrace.duckdb"]
