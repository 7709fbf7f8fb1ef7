# Stands in for the image of MinIO, which only a registry has: moto's S3, in memory, called in the same way.
FROM docker.io/library/python:3.13-slim-trixie
RUN apt-get update -qq && apt-get install --yes -qq --no-install-recommends curl \
    && python3 -m venv /opt/moto && /opt/moto/bin/pip install --no-cache-dir 'moto[server]==5.2.5'
COPY --chmod=755 minio.py /usr/local/bin/minio
CMD ["minio", "server", "/data"]
