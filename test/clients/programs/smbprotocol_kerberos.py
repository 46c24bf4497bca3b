# smbprotocol with tickets: each dialect, cipher and signing algorithm, SPNEGO and the bare mechanism, and no way back to NTLM.
import os
import uuid

from smbprotocol import Dialects
from smbprotocol.connection import Ciphers, Connection, SigningAlgorithms
from smbprotocol.open import CreateDisposition, CreateOptions, FilePipePrinterAccessMask, ImpersonationLevel, Open
from smbprotocol.session import Session
from smbprotocol.tree import TreeConnect
from steps import DATA, HOST, SHARE, USER, expect, must_fail, step

PORT = int(os.environ["SMB_PORT"])
SERVICE_HOST = os.environ["SMB_SERVICE_HOST"]
KEY = os.environ["SMB_KEY"]
DIALECTS = {
    "2.0.2": Dialects.SMB_2_0_2,
    "2.1": Dialects.SMB_2_1_0,
    "3.0": Dialects.SMB_3_0_0,
    "3.0.2": Dialects.SMB_3_0_2,
    "3.1.1": Dialects.SMB_3_1_1,
}
CIPHERS = ("AES_128_CCM", "AES_128_GCM", "AES_256_CCM", "AES_256_GCM")
SIGNING = ("HMAC_SHA256", "AES_CMAC", "AES_GMAC")
PART = 60_000


def attempt(action, *, share=SHARE, encrypt=False, protocol="kerberos", service=SERVICE_HOST, dialect=None, **algorithms):
    """Logs on over a connection of its own and calls `action` with the session and the tree."""
    connection = Connection(uuid.uuid4(), HOST, PORT, require_signing=True)
    connection.connect(dialect, **algorithms)
    try:
        session = Session(connection, USER, None, encrypt, service, auth_protocol=protocol)
        session.connect()
        tree = TreeConnect(session, rf"\\{HOST}\{share}")
        tree.connect()
        action(connection, session, tree)
    finally:
        connection.disconnect()


def copy(connection, session, tree):
    """Writes and reads a file of several requests, then deletes it."""
    file = Open(tree, f"krb-{uuid.uuid4()}")
    access = FilePipePrinterAccessMask
    file.create(
        ImpersonationLevel.Impersonation,
        access.GENERIC_READ | access.GENERIC_WRITE | access.DELETE,
        0,
        0,
        CreateDisposition.FILE_CREATE,
        CreateOptions.FILE_DELETE_ON_CLOSE,
    )
    for at in range(0, PART * 5, PART):
        expect(file.write(DATA[at : at + PART], at), PART)
    for at in range(0, PART * 5, PART):
        expect(file.read(at, PART) == DATA[at : at + PART], True)
    file.close()


def signed(algorithm=None):
    def check(connection, session, tree):
        expect(session.signing_required and not session.encrypt_data, True)
        if algorithm is not None:
            expect(connection.signing_algorithm_id, algorithm)
        copy(connection, session, tree)

    return check


def encrypted(cipher=None):
    def check(connection, session, tree):
        expect(session.encrypt_data or tree.encrypt_data, True)
        if cipher is not None:
            expect(connection.cipher_id, cipher)
        copy(connection, session, tree)

    return check


def named(text):
    return KEY + "-" + text


for name, dialect in DIALECTS.items():
    step(named(name + "-signed"), lambda: attempt(signed(), dialect=dialect))
    step(named(name + "-spnego"), lambda: attempt(signed(), dialect=dialect, protocol="negotiate"))
    if name >= "3":
        step(named(name + "-encrypted"), lambda: attempt(encrypted(), dialect=dialect, encrypt=True))
        step(named(name + "-share-encrypted"), lambda: attempt(encrypted(), dialect=dialect, share="share-encrypted"))
    else:
        step(
            named(name + "-share-encrypted-refused"),
            lambda: must_fail(lambda: attempt(copy, dialect=dialect, share="share-encrypted")),
        )
for name in CIPHERS:
    cipher = getattr(Ciphers, name)
    step(named(name), lambda: attempt(encrypted(cipher), encrypt=True, preferred_encryption_algos=[cipher]))
for name in SIGNING:
    algorithm = getattr(SigningAlgorithms, name)
    step(named(name), lambda: attempt(signed(algorithm), preferred_signing_algos=[algorithm]))

step(named("other-service-refused"), lambda: must_fail(lambda: attempt(copy, service="other.home.test")))
del os.environ["KRB5CCNAME"]
for protocol in ("kerberos", "negotiate"):
    step(named("no-ticket-" + protocol), lambda: must_fail(lambda: attempt(copy, protocol=protocol)))
