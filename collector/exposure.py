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
    """Raise StartError where others than this machine could connect and no token is demanded of them.

    Also for a host without a known address.
    """
    if config.host and not _addresses(config.host):
        raise StartError(f"no address is known for {config.host!r}: give --host an address of this machine")
    address = config.host if config.published is None else config.published
    if _is_loopback(address):
        return
    if not config.access.tokens:
        raise StartError(
            f"{address or 'every address'} can be reached from other machines: set CLAWTRACE_TOKEN or give "
            "--tokens FILE, or listen on --host 127.0.0.1"
        )
    if config.tls is None:
        _log.warning("%s is served without TLS: tokens and telemetry can be read on the way", address)


def _is_loopback(host: str) -> bool:
    """Whether every address behind a host name is this machine's own; no name stands for every address there is."""
    found = _addresses(host) if host else []
    return bool(found) and all(ipaddress.ip_address(address).is_loopback for address in found)


def _addresses(host: str) -> list[str]:
    """Return the addresses that are known of a host, none where nothing is."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [str(entry[4][0]).partition("%")[0] for entry in found]


def bracketed(host: str) -> str:
    """Return a host as it stands in HOST:PORT."""
    return f"[{host}]" if ":" in host else host
