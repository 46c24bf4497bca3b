// A log-on in a bind whose calls are not signed (level connect) may be a relayed one: it gives the caller nothing that the
// user of the SMB session lacks. With impacket.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { TestServer, User } from "../../peer/test-server.ts";
import { runProgram } from "../client/smbclient.ts";
import { startServer } from "../client/server.ts";
import { DAEMON, GAMES, hasImpacket, PYTHON } from "./rpc-clients.ts";

/** The SMB session's user, then the one who logs on in the bind, and its level. */
const SCRIPT = `
import sys
from impacket.dcerpc.v5 import transport, srvs
from impacket.dcerpc.v5.dtypes import NULL
from impacket.dcerpc.v5.rpcrt import DCERPCException
host, port, user, password, other, secret, level = sys.argv[1:8]
t = transport.SMBTransport(host, int(port), "\\\\srvsvc", user, password)
d = t.get_dce_rpc()
d.set_credentials(other, secret)
d.set_auth_level(int(level))
d.connect()
d.bind(srvs.MSRPC_UUID_SRVS)
print("bound")
try:
    srvs.hNetrSessionEnum(d, NULL, NULL, level=10)
    print("allowed")
except DCERPCException as error:
    print("refused", error.get_error_code())
`;

const Level = { CONNECT: 2, INTEGRITY: 5, PRIVACY: 6 } as const;

let server: TestServer;
beforeAll(async () => {
  const parameters = { "admin users": GAMES.user, "server signing": "mandatory" };
  server = await startServer({ users: [DAEMON, GAMES], parameters });
});
afterAll(() => server.stop());

async function listSessions(session: User, bound: User, level: number): Promise<string> {
  const words = [session.user, session.password, bound.user, bound.password, String(level)];
  const { output } = await runProgram([PYTHON, "-c", SCRIPT, server.host, String(server.port), ...words]);
  return output.trim();
}

describe.skipIf(!hasImpacket)("an administrator's log-on in a bind", () => {
  test("at level connect leaves the calls to the user of the SMB session", async () => {
    expect(await listSessions(DAEMON, GAMES, Level.CONNECT)).toBe("bound\nrefused 5");
    expect(await listSessions(GAMES, DAEMON, Level.CONNECT)).toBe("bound\nallowed");
  });

  for (const level of [Level.INTEGRITY, Level.PRIVACY])
    test(`at level ${level}, which signs the calls, makes them an administrator's`, async () => {
      expect(await listSessions(DAEMON, GAMES, level)).toBe("bound\nallowed");
      expect(await listSessions(GAMES, DAEMON, level)).toBe("bound\nrefused 5");
    });
});
