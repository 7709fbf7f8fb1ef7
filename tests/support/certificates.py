"""Certificates made for one test: an authority, a server of it on loopback, and clients of it and of another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True)
class Pair:
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Certificates:
    authority: Path
    server: Pair
    client: Pair
    stranger: Pair


def make_certificates(folder: Path) -> Certificates:
    """Write the files; all are valid for an hour or more from now, so that no clock matters."""
    ours, others = trustme.CA(), trustme.CA()
    authority = folder / "authority.pem"
    ours.cert_pem.write_to_path(authority)
    return Certificates(
        authority=authority,
        server=_pair(ours.issue_cert("127.0.0.1", "localhost"), folder, "server"),
        client=_pair(ours.issue_cert("agent@clients.example"), folder, "client"),
        stranger=_pair(others.issue_cert("stranger@clients.example"), folder, "stranger"),
    )


def _pair(made: trustme.LeafCert, folder: Path, name: str) -> Pair:
    pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    made.cert_chain_pems[0].write_to_path(pair.certificate)
    made.private_key_pem.write_to_path(pair.key)
    return pair
