"""Checks before every HTTP route: a token is required, and requests from other sites' web pages are refused.

A browser is the way into a service that listens on loopback only. Requests of other origins are refused (there is no
CORS, so their pages could not read an answer either), and so are questions under a host name that is not this
collector's: a name that an attacker's DNS points at 127.0.0.1 makes his page the same origin ('DNS rebinding').
"""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from collector.access import Access
from collector.access import Scope as Permission
from collector.errors import CollectorError, ForbiddenError, QueryError, UnauthorizedError
from collector.http_api import error_response
from collector.metrics import Metrics

_OPEN_PATHS: Final = frozenset({"/healthz", "/readyz"})
_INGEST: Final = "/v1/"
_READING: Final = frozenset({("POST", "/api/sql")})
_READING_METHODS: Final = frozenset({"GET", "HEAD"})


class HttpGuard:
    """Lets through what may pass, and answers the rest."""

    def __init__(self, app: ASGIApp, access: Access, host: str, metrics: Metrics) -> None:
        self._app = app
        self._access = access
        self._host = host.lower()
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, as ASGI has it."""
        if scope["type"] == "http" and scope["path"] not in _OPEN_PATHS:
            try:
                self._check(Request(scope))
            except CollectorError as error:
                self._metrics.failed.labels(type(error).__name__).inc()
                response = error_response(error)
                if isinstance(error, UnauthorizedError):
                    response.headers["www-authenticate"] = "Bearer"
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, request: Request) -> None:
        self._access.check(request.headers.get("authorization"), needed(request.method, request.url.path))
        host = request.headers.get("host", "")
        origin = request.headers.get("origin")
        if origin is not None and _host_of(origin) != host:
            raise QueryError("requests from web pages of other sites are refused", status=400)
        if self._access.tokens or (origin is None and request.url.path.startswith(_INGEST)):
            return
        if not self._is_ours(host):
            raise ForbiddenError(f"this collector is not {host!r}: use its IP address or localhost, or set a token")

    def _is_ours(self, host: str) -> bool:
        """Whether a Host header names this machine in a way that no foreign DNS can: public names have a dot."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        return name == self._host or (name != "" and "." not in name) or _is_ip_address(name)


def needed(method: str, path: str) -> Permission:
    """Return the permission that a request needs: whatever is not known to be harmless needs the highest."""
    if path.startswith(_INGEST):
        return Permission.INGEST
    if method in _READING_METHODS or (method, path) in _READING:
        return Permission.READ
    return Permission.ADMIN


def _host_of(origin: str) -> str | None:
    """Return the host and port of an Origin header, None for what is none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _is_ip_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
