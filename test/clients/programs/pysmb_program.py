# pysmb, over port 445 and in the mode for port 139, which begins with a NetBIOS session request.
import io

from smb.SMBConnection import SMBConnection
from steps import DATA, HOST, PASSWORD, SHARE, USER, expect, must_fail, step

for is_direct, mode in [(True, "direct"), (False, "netbios")]:
    connection = SMBConnection(USER, PASSWORD, "CLIENT", "MINISMBD", use_ntlm_v2=True, is_direct_tcp=is_direct)
    folder = "pysmb-" + mode

    def named(text):
        return mode + "-" + text

    def read(path):
        into = io.BytesIO()
        connection.retrieveFile(SHARE, path, into)
        return into.getvalue()

    step(named("logon"), lambda: expect(connection.connect(HOST, 445, timeout=20), True))
    step(named("shares"), lambda: expect(SHARE in [share.name for share in connection.listShares()], True))
    step(named("mkdir"), lambda: connection.createDirectory(SHARE, folder))
    step(named("write"), lambda: connection.storeFile(SHARE, folder + "/data", io.BytesIO(DATA)))
    step(named("read"), lambda: expect(read(folder + "/data") == DATA, True))
    step(named("size"), lambda: expect(connection.getAttributes(SHARE, folder + "/data").file_size, len(DATA)))
    step(named("rename"), lambda: connection.rename(SHARE, folder + "/data", folder + "/Grüße"))
    step(named("list"), lambda: expect(sorted(f.filename for f in connection.listPath(SHARE, folder)), [".", "..", "Grüße"]))
    step(named("security"), lambda: connection.getSecurity(SHARE, folder + "/Grüße"))
    step(named("missing"), lambda: must_fail(lambda: read(folder + "/missing")))
    step(named("delete"), lambda: connection.deleteFiles(SHARE, folder + "/Grüße"))
    step(named("rmdir"), lambda: connection.deleteDirectory(SHARE, folder))
    step(named("echo"), lambda: expect(connection.echo(b"hello"), b"hello"))
    connection.close()
