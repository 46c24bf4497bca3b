# impacket's SMBConnection and its RPC over pipes.
import io

from impacket.dcerpc.v5 import srvs, transport, wkst
from impacket.smbconnection import SMBConnection
from impacket.smb3structs import SMB2_DIALECT_002, SMB2_DIALECT_21, SMB2_DIALECT_30, SMB2_DIALECT_311
from steps import DATA, HOST, PASSWORD, SHARE, USER, expect, must_fail, step

DIALECTS = {"2.0.2": SMB2_DIALECT_002, "2.1": SMB2_DIALECT_21, "3.0": SMB2_DIALECT_30, "3.1.1": SMB2_DIALECT_311}


def rpc(connection, pipe, interface, call):
    bound = transport.SMBTransport(HOST, filename=pipe, smb_connection=connection).get_dce_rpc()
    bound.connect()
    bound.bind(interface)
    try:
        return call(bound)
    finally:
        bound.disconnect()


for name, dialect in DIALECTS.items():
    connection = SMBConnection(HOST, HOST, preferredDialect=dialect)
    folder = "impacket-" + name

    def named(text):
        return name + "-" + text

    def read(path):
        into = io.BytesIO()
        connection.getFile(SHARE, path, into.write)
        return into.getvalue()

    step(named("logon"), lambda: connection.login(USER, PASSWORD))
    step(named("shares"), lambda: expect(SHARE in [s["shi1_netname"][:-1] for s in connection.listShares()], True))
    step(named("mkdir"), lambda: connection.createDirectory(SHARE, folder))
    step(named("write"), lambda: connection.putFile(SHARE, folder + "/data", io.BytesIO(DATA).read))
    step(named("read"), lambda: expect(read(folder + "/data") == DATA, True))
    step(named("rename"), lambda: connection.rename(SHARE, folder + "/data", folder + "/Grüße"))
    step(named("list"), lambda: expect(len(connection.listPath(SHARE, folder + "/*")), 3))
    step(named("missing"), lambda: must_fail(lambda: read(folder + "/missing")))
    step(named("delete"), lambda: connection.deleteFile(SHARE, folder + "/Grüße"))
    step(named("rmdir"), lambda: connection.deleteDirectory(SHARE, folder))
    step(named("server-info"), lambda: rpc(connection, r"\srvsvc", srvs.MSRPC_UUID_SRVS, lambda d: srvs.hNetrServerGetInfo(d, 101)))
    step(named("workstation"), lambda: rpc(connection, r"\wkssvc", wkst.MSRPC_UUID_WKST, lambda d: wkst.hNetrWkstaGetInfo(d, 100)))
    step(named("wait-pipe"), lambda: connection.waitNamedPipe(connection.connectTree("IPC$"), "srvsvc", timeout=1))
    connection.close()
