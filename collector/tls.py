"""TLS for both transports, from the same PEM files; with a CA for clients, only those with its certificates get in."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import grpc

from collector.errors import StartError


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: the server's certificate (with its chain), its private key, and whose clients are let in."""

    certificate: Path
    key: Path
    client_ca: Path | None = None
    """When set, a client must show a certificate that this authority signed."""

    def context(self) -> ssl.SSLContext:
        """Return what an HTTP server needs: TLS 1.2 or newer. Raises StartError for files that do not fit."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            # An empty answer where the key is encrypted: a daemon must not stop to ask its terminal.
            context.load_cert_chain(self.certificate, self.key, password=lambda: "")
            if self.client_ca is not None:
                context.load_verify_locations(self.client_ca)
                context.verify_mode = ssl.CERT_REQUIRED
        except (OSError, ValueError) as error:
            named = ", ".join(str(path) for path in (self.certificate, self.key, self.client_ca) if path is not None)
            raise StartError(
                f"TLS cannot start with {named} ({error}): give PEM files, an unencrypted key that fits the certificate"
            ) from error
        return context

    def grpc_credentials(self) -> grpc.ServerCredentials:
        """Return what a gRPC server needs. Raises StartError for a file that cannot be read."""
        try:
            pair = (self.key.read_bytes(), self.certificate.read_bytes())
            client_ca = None if self.client_ca is None else self.client_ca.read_bytes()
        except OSError as error:
            raise StartError(f"TLS cannot start: {error}") from error
        return grpc.ssl_server_credentials([pair], client_ca, require_client_auth=client_ca is not None)
