"""The cryptography of the interface: signing, initiator passwords, password changes.

No function reads a clock, a setting or a state; random numbers are drawn only where the algorithm demands it (RSA
padding, new keys). No text of an error raised here contains a password, a key or a passphrase.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from mpesa_cbp.identity.certificates.reading import (
    Certificate,
    CertificateFileError,
    PassphraseNeeded,
    read_certificates,
)

__all__ = [
    "CredentialKey",
    "DecryptionKey",
    "SecurityError",
    "SpPasswordReading",
    "credential_key",
    "decrypt_credential",
    "decrypt_new_password",
    "decryption_key",
    "encrypt_credential",
    "encrypt_new_password",
    "password_certificate",
    "sp_password",
    "sp_password_digest",
    "sp_password_text",
]

# PKCS#1 v1.5 puts at least eleven bytes of padding before the message (RFC 8017, 7.2.1).
_RSA_PADDING_BYTES = 11
_AES_KEY_BYTES = (16, 24, 32)
_AES_BLOCK_BYTES = 16
# timeStamp is yyyyMMddHHmmss (protocol, section 2): ASCII digits only, hence not \d.
_TIME_STAMP = re.compile(r"[0-9]{14}")


class SecurityError(ValueError):
    """A password, key or certificate that cannot be used; the text says why and never contains a secret."""


class SpPasswordReading(Enum):
    """The three readings of the spPassword formula that are met in the field (protocol, section 2)."""

    UPPER_HEX = "upper-hex"
    LOWER_HEX = "lower-hex"
    RAW = "raw"


@dataclass(frozen=True, slots=True)
class CredentialKey:
    """The RSA key of the operator under which initiator passwords are encrypted."""

    public_key: rsa.RSAPublicKey = field(repr=False)

    @property
    def longest_password(self) -> int:
        """How many bytes a password may have at most."""
        return self.public_key.key_size // 8 - _RSA_PADDING_BYTES

    def encrypt(self, password: str) -> str:
        """Return the SecurityCredential of an initiator's password; see `encrypt_credential`."""
        if not password:
            raise SecurityError("the initiator's password is empty")
        message = _utf8(password)
        if len(message) > self.longest_password:
            encrypted = " (is it a SecurityCredential, encrypted already?)" if _is_credential(password) else ""
            raise SecurityError(
                f"the initiator's password is too long{encrypted}: this certificate's key takes "
                f"{self.longest_password} bytes"
            )
        return base64.b64encode(self.public_key.encrypt(message, padding.PKCS1v15())).decode("ascii")


def _is_credential(text: str) -> bool:
    """Whether a text looks like base64 of a 2048-bit RSA value, as a SecurityCredential is."""
    return re.fullmatch(r"[A-Za-z0-9+/]{342}==", text) is not None


@dataclass(frozen=True, slots=True)
class DecryptionKey:
    """The private RSA key with which the operator's core reads credentials."""

    private_key: rsa.RSAPrivateKey = field(repr=False)

    def decrypt(self, credential: str) -> str:
        """Return the initiator password from a SecurityCredential. Protocol, section 3.

        A credential made for another key does not always fail: the cryptographic library may return random text on
        purpose, so the result must be compared with the password that is expected. Raises SecurityError when the
        credential cannot be used.
        """
        data = _from_base64(credential, "credential")
        try:
            return self.private_key.decrypt(data, padding.PKCS1v15()).decode("utf-8")
        except ValueError:
            # No cause: an error of decoding carries the bytes, which may be a password in another encoding.
            raise SecurityError("the credential was not made with this key's certificate") from None


def sp_password_text(*, sp_id: str, password: str, time_stamp: str) -> str:
    """Return the text whose SHA-256 makes the spPassword; it contains the password, so it must not be shown.

    Raises SecurityError when a part is empty or `time_stamp` is not yyyyMMddHHmmss. Protocol, section 2.
    """
    if not sp_id:
        raise SecurityError("the spId is empty")
    if not password:
        raise SecurityError("the service provider's password is empty")
    if not _TIME_STAMP.fullmatch(time_stamp):
        raise SecurityError("the timeStamp must be 14 digits, yyyyMMddHHmmss")
    return f"{sp_id}{password}{time_stamp}"


def sp_password_digest(*, sp_id: str, password: str, time_stamp: str) -> bytes:
    """Return the 32 bytes of SHA-256 over `sp_password_text` in UTF-8. Errors as there. Protocol, section 2."""
    return hashlib.sha256(_utf8(sp_password_text(sp_id=sp_id, password=password, time_stamp=time_stamp))).digest()


def sp_password(
    *, sp_id: str, password: str, time_stamp: str, reading: SpPasswordReading = SpPasswordReading.UPPER_HEX
) -> str:
    """Return the spPassword of a signing header as base64.

    `time_stamp` is the header's own timeStamp, yyyyMMddHHmmss. The hexadecimal readings give 88 characters, the raw
    one 44. Raises SecurityError as `sp_password_text` does. Protocol, section 2.
    """
    digest = sp_password_digest(sp_id=sp_id, password=password, time_stamp=time_stamp)
    if reading is SpPasswordReading.RAW:
        return base64.b64encode(digest).decode("ascii")
    text = digest.hex()
    if reading is SpPasswordReading.UPPER_HEX:
        text = text.upper()
    return base64.b64encode(text.encode("ascii")).decode("ascii")


def encrypt_credential(*, password: str, certificate: bytes | Path | str) -> str:
    """Return the SecurityCredential: base64 of the initiator password under the operator's RSA key.

    `certificate` is as for `credential_key`. Two calls give two values, because the padding is random. Raises
    SecurityError for an empty or too long password and for a certificate that cannot be used. Protocol, section 3.
    """
    return credential_key(certificate).encrypt(password)


def credential_key(certificate: bytes | Path | str, *, passphrase: bytes | None = None) -> CredentialKey:
    """Return the key in the operator's password certificate, to be used for many credentials.

    `certificate` is the content of the file that the operator handed out, its path, or its PEM text; any form that
    `read_certificates` knows will do as long as it is clear which certificate is meant. `passphrase` opens a `.p12`.
    Raises SecurityError for one that cannot be read or is not RSA.
    """
    return CredentialKey(_rsa_public_key(password_certificate(certificate, passphrase=passphrase)))


def decrypt_credential(*, credential: str, private_key: bytes, passphrase: bytes | None = None) -> str:
    """Return the initiator password from a SecurityCredential, as the operator's core would.

    Arguments and errors as for `decryption_key`, which is for many credentials, and its `decrypt`.
    """
    return decryption_key(private_key, passphrase=passphrase).decrypt(credential)


def decryption_key(private_key: bytes, *, passphrase: bytes | None = None) -> DecryptionKey:
    """Return the operator's private key from PEM, checked, which takes longer than to decrypt with it.

    Raises SecurityError when it cannot be read or is not RSA.
    """
    return DecryptionKey(_rsa_private_key(private_key, passphrase))


def encrypt_new_password(*, new_password: str, key: bytes | str, vector: bytes | str) -> str:
    """Return the newPassword of changePassword: base64 of AES-CBC with PKCS#7 padding.

    `key` is 16, 24 or 32 bytes and `vector` 16 bytes, both as the operator allocated them; text is taken as UTF-8.
    Raises SecurityError for other lengths and for an empty password. Protocol, section 9.
    """
    if not new_password:
        raise SecurityError("the new password is empty")
    encryptor = _aes(key, vector).encryptor()
    padder = PKCS7(_AES_BLOCK_BYTES * 8).padder()
    padded = padder.update(_utf8(new_password)) + padder.finalize()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode("ascii")


def decrypt_new_password(*, encrypted: str, key: bytes | str, vector: bytes | str) -> str:
    """Return the password inside a newPassword value, as the operator's broker would.

    Key and vector as for `encrypt_new_password`. Raises SecurityError when the value is not base64 of whole blocks or
    was made with another key or vector (which is noticed nearly always, not always). Protocol, section 9.
    """
    decryptor = _aes(key, vector).decryptor()
    data = _from_base64(encrypted, "new password")
    unpadder = PKCS7(_AES_BLOCK_BYTES * 8).unpadder()
    try:
        padded = decryptor.update(data) + decryptor.finalize()
        return (unpadder.update(padded) + unpadder.finalize()).decode("utf-8")
    except ValueError:
        raise SecurityError("the new password cannot be decrypted with this key and vector") from None


def password_certificate(certificate: bytes | Path | str, *, passphrase: bytes | None = None) -> Certificate:
    """Return the password certificate of a file; of several in it, the single one that issues nothing is meant.

    Arguments and errors as for `credential_key`. Protocol, section 11.
    """
    try:
        certificates = read_certificates(_certificate_bytes(certificate), passphrase=passphrase).certificates
    except CertificateFileError as problem:
        remedy = " (setting initiator.certificate_passphrase)" if isinstance(problem, PassphraseNeeded) else ""
        raise SecurityError(f"the password certificate cannot be used: {problem}{remedy}") from problem
    if len(certificates) > 1:
        certificates = tuple(each for each in certificates if not each.is_ca)
    if len(certificates) != 1:
        raise SecurityError(f"the password certificate is not clear: {len(certificates)} in the file could be meant")
    return certificates[0]


def _certificate_bytes(certificate: bytes | Path | str) -> bytes:
    if isinstance(certificate, bytes):
        return certificate
    if isinstance(certificate, str) and "-----BEGIN" in certificate:
        return certificate.encode("utf-8")
    try:
        return Path(certificate).read_bytes()
    except (OSError, ValueError) as problem:
        raise SecurityError(f"the password certificate cannot be read: {problem}") from problem


def _rsa_public_key(certificate: Certificate) -> rsa.RSAPublicKey:
    key = x509.load_pem_x509_certificate(certificate.pem.encode("ascii")).public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise SecurityError(f"the password certificate has an {certificate.key_type} key: it must be RSA")
    return key


def _rsa_private_key(private_key: bytes, passphrase: bytes | None) -> rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(private_key, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SecurityError("the private key cannot be read: it is not PEM, or its passphrase is wrong") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise SecurityError("the private key must be RSA")
    return key


def _aes(key: bytes | str, vector: bytes | str) -> Cipher[modes.CBC]:
    key_bytes = _utf8(key) if isinstance(key, str) else key
    vector_bytes = _utf8(vector) if isinstance(vector, str) else vector
    if len(key_bytes) not in _AES_KEY_BYTES:
        raise SecurityError("the key for a new password must have 16, 24 or 32 bytes")
    if len(vector_bytes) != _AES_BLOCK_BYTES:
        raise SecurityError("the vector for a new password must have 16 bytes")
    return Cipher(algorithms.AES(key_bytes), modes.CBC(vector_bytes))


def _utf8(secret: str) -> bytes:
    try:
        return secret.encode("utf-8")
    except UnicodeEncodeError:
        # Its text would quote the secret.
        raise SecurityError("a secret contains a character that UTF-8 cannot hold") from None


def _from_base64(text: str, what: str) -> bytes:
    try:
        # Blanks and line breaks are taken out first: values arrive wrapped (protocol, section 7, number 7).
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise SecurityError(f"the {what} is not base64") from None
