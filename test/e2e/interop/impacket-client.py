"""Uses a share with impacket's client in one dialect: logs on, writes, lists, reads back, renames, deletes.

Usage: impacket-client.py HOST PORT USER PASSWORD SHARE DIALECT SIZE; prints `ok` and the dialect, or a traceback.
"""
import io
import os
import sys

from impacket.smbconnection import SMBConnection, SessionError

host, port, user, password, share, dialect, size = sys.argv[1:]
connection = SMBConnection(
    "SERVER", host, sess_port=int(port), preferredDialect=int(dialect, 16)
)
try:
    connection.login(user, "not " + password)
    raise SystemExit("the server accepted a wrong password")
except SessionError as error:
    assert error.getErrorCode() == 0xC000006D, hex(error.getErrorCode())
connection.close()

connection = SMBConnection(
    "SERVER", host, sess_port=int(port), preferredDialect=int(dialect, 16)
)
connection.login(user, password)
assert connection.getDialect() == int(dialect, 16), hex(connection.getDialect())
names = [entry["shi1_netname"].rstrip("\0") for entry in connection.listShares()]
assert share in names and "IPC$" in names, names

data = os.urandom(int(size))
folder = "impacket " + dialect
connection.createDirectory(share, folder)
connection.putFile(share, folder + "\\one.bin", io.BytesIO(data).read)
connection.putFile(share, folder + "\\empty", io.BytesIO(b"").read)
listed = {
    entry.get_longname(): entry for entry in connection.listPath(share, folder + "\\*")
}
assert set(listed) == {".", "..", "one.bin", "empty"}, set(listed)
assert listed["one.bin"].get_filesize() == len(data)
assert listed["."].is_directory() and not listed["empty"].is_directory()
back = io.BytesIO()
connection.getFile(share, folder + "\\one.bin", back.write)
assert back.getvalue() == data
connection.rename(share, folder + "\\one.bin", folder + "\\two.bin")
names = {entry.get_longname() for entry in connection.listPath(share, folder + "\\*.bin")}
assert names == {"two.bin"}, names
try:
    connection.deleteDirectory(share, folder)
    raise SystemExit("the server deleted a directory that is not empty")
except SessionError as error:
    assert error.getErrorCode() == 0xC0000101, hex(error.getErrorCode())
connection.deleteFile(share, folder + "\\two.bin")
connection.deleteFile(share, folder + "\\empty")
connection.deleteDirectory(share, folder)
connection.logoff()
print("ok", hex(connection.getDialect()) if connection.getSMBServer() else "")
