# Stands in for the image of PostgreSQL, which only a registry has: Debian's PostgreSQL, told by the same variables.
FROM docker.io/library/python:3.13-slim-trixie
RUN apt-get update -qq && apt-get install --yes -qq --no-install-recommends postgresql-17 \
    && install --directory --owner=postgres --group=postgres --mode=0700 /var/lib/postgresql/data
ENV PATH=/usr/lib/postgresql/17/bin:$PATH PGDATA=/var/lib/postgresql/data
COPY postgres.sh /usr/local/bin/
USER postgres
ENTRYPOINT ["sh", "/usr/local/bin/postgres.sh"]
