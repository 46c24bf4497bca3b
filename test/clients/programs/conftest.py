# The fixtures that smbprotocol's tests ask for: the server, and a directory of its own for each test.
import os

import pytest

import smbclient
from smbclient.shutil import rmtree


@pytest.fixture(scope="session")
def smb_real():
    """User, password, server, port, share, and the share that requires encryption."""
    server = os.environ["SMB_SERVER"]
    share = "\\\\%s\\%s" % (server, os.environ["SMB_SHARE"])
    return (
        os.environ["SMB_USER"],
        os.environ["SMB_PASSWORD"],
        server,
        int(os.environ["SMB_PORT"]),
        share,
        share + "-encrypted",
    )


@pytest.fixture
def smb_share(request, smb_real):
    user, password, server, port, share, _ = smb_real
    smbclient.reset_connection_cache()
    smbclient.register_session(server, username=user, password=password, port=port)
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)[:100]
    path = "%s\\d\u00efr [%s] \U0001f4a9" % (share, name)
    smbclient.mkdir(path)
    yield path
    smbclient.register_session(server, username=user, password=password, port=port)
    rmtree(path)
    smbclient.reset_connection_cache()


@pytest.fixture
def smb_dfs_share():
    pytest.skip("no DFS here")
