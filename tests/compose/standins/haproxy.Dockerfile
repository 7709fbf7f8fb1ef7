# Stands in for the image of HAProxy, which only a registry has: Debian's HAProxy, called in the same way.
FROM docker.io/library/python:3.13-slim-trixie
RUN apt-get update -qq && apt-get install --yes -qq --no-install-recommends haproxy
USER haproxy
CMD ["haproxy", "-W", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]
