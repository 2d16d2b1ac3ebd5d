"""TLS of a server that terminates it itself: our certificate, and whose client certificates are let in."""

from __future__ import annotations

import ssl

from mpesa_cbp.http.tls import ClientCertificate, Source, read_authorities, read_identity, show_identity
from mpesa_cbp.identity.profile import Secret

__all__ = ["server_context"]

_WHAT = "listener's certificate"


def server_context(
    *, certificate: ClientCertificate, passphrase: Secret | None = None, client_ca: Source | None = None
) -> ssl.SSLContext:
    """Context of TLS 1.2 or newer; with ``client_ca`` every caller must show a certificate of that authority.

    Files may have any form in which certificates are handed out. Raises SettingsError that names the file which
    cannot be used, and why.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    show_identity(
        context, read_identity(certificate, passphrase, what=_WHAT, setting="listener.passphrase"), what=_WHAT
    )
    if client_ca is not None:
        context.load_verify_locations(cadata="".join(each.pem for each in read_authorities(client_ca)))
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # an operator's issuing CA alone, without its root
        context.verify_mode = ssl.CERT_REQUIRED
    return context
