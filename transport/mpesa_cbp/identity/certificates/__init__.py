"""Read certificates in any common format and describe them (docs/certificates.md)."""

from __future__ import annotations

from mpesa_cbp.identity.certificates.description import (
    Certificate,
    CertificateFile,
    CertificateFileError,
    CertificateRole,
    ChainOrder,
    PassphraseNeeded,
    chain_order,
    combine_files,
    describe,
    key_matches,
    read_certificates,
    role_of,
    write_pem_files,
)

__all__ = [
    "Certificate",
    "CertificateFile",
    "CertificateFileError",
    "CertificateRole",
    "ChainOrder",
    "PassphraseNeeded",
    "chain_order",
    "combine_files",
    "describe",
    "key_matches",
    "read_certificates",
    "role_of",
    "write_pem_files",
]
