"""Who can reach an address: only this machine, or everybody on the network."""

from __future__ import annotations

import ipaddress
import logging
import socket
from typing import Final

from collector.config import CollectorConfig
from collector.errors import StartError

_log: Final = logging.getLogger(__name__)


def check_exposure(config: CollectorConfig) -> None:
    """Raise StartError where others than this machine could connect and no token is demanded of them."""
    address = config.host if config.published is None else config.published
    if is_loopback(address):
        return
    if not config.access.tokens:
        raise StartError(
            f"{address or 'every address'} can be reached from other machines: set CLAWTRACE_TOKEN or give "
            "--tokens FILE, or listen on --host 127.0.0.1"
        )
    if config.tls is None:
        _log.warning("%s is served without TLS: tokens and telemetry can be read on the way", address)


def is_loopback(host: str) -> bool:
    """Whether every address behind a host name is this machine's own."""
    if not host:
        return False
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return all(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]).is_loopback for entry in found)


def bracketed(host: str) -> str:
    """Return a host as it stands in HOST:PORT."""
    return f"[{host}]" if ":" in host else host
