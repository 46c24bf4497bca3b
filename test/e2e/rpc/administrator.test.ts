// What an administrator (`admin users` of [global]) sees and ends by RPC: sessions, connections, open files, logged-on
// users. [MS-SRVS] 3.1.4.1 to 3.1.4.6, [MS-WKST] 3.2.4.3. With impacket, which has all of these calls.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { TestServer, User } from "../../peer/test-server.ts";
import { createFile, closeCall, mountShare } from "../client/raw-files.ts";
import { runProgram } from "../client/smbclient.ts";
import { startServer } from "../client/server.ts";
import { DAEMON, GAMES, hasImpacket, PYTHON } from "./rpc-clients.ts";

/** `srvs` and `wkst` are bound; `text` shows a string without its NUL. */
const PROLOGUE = `
import sys
from impacket.dcerpc.v5 import transport, srvs, wkst
from impacket.dcerpc.v5.dtypes import NULL
from impacket.dcerpc.v5.rpcrt import DCERPCException
host, port, user, password = sys.argv[1:5]
def bind(pipe, uuid):
    t = transport.SMBTransport(host, int(port), "\\\\" + pipe, user, password)
    d = t.get_dce_rpc()
    d.connect()
    d.bind(uuid)
    return d
text = lambda value: value.rstrip("\\0")
s = bind("srvsvc", srvs.MSRPC_UUID_SRVS)
`;

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ users: [DAEMON, GAMES], parameters: { "admin users": GAMES.user } });
});
afterAll(() => server.stop());

async function run(script: string, user: User = GAMES): Promise<string> {
  const words = [server.host, String(server.port), user.user, user.password];
  return (await runProgram([PYTHON, "-c", PROLOGUE + script, ...words])).output;
}

const SESSIONS = `
for level in (0, 1, 2, 10, 502):
    rows = srvs.hNetrSessionEnum(s, NULL, NULL, level=level)["InfoStruct"]["SessionInfo"]["Level%d" % level]["Buffer"]
    key = "sesi%d_" % level
    print(level, sorted(text(row[key + "username"]) if level else text(row[key + "cname"]) for row in rows))
only = srvs.hNetrSessionEnum(s, "\\\\\\\\%s\\0" % host, "daemon\\0", level=1)["InfoStruct"]["SessionInfo"]["Level1"]["Buffer"]
print("daemon only", len(only), only[0]["sesi1_num_opens"])
`;

const FILES = `
rows = srvs.hNetrFileEnum(s, NULL, NULL, 3)["InfoStruct"]["FileInfo"]["Level3"]["Buffer"]
for row in rows:
    print(text(row["fi3_path_name"]), text(row["fi3_username"]), row["fi3_permissions"])
print([r["fi2_id"] for r in srvs.hNetrFileEnum(s, NULL, NULL, 2)["InfoStruct"]["FileInfo"]["Level2"]["Buffer"]] == [r["fi3_id"] for r in rows])
info = srvs.hNetrFileGetInfo(s, rows[0]["fi3_id"], 3)["InfoStruct"]["FileInfo3"]
print("info", text(info["fi3_username"]))
`;

const CONNECTIONS = `
rows = srvs.hNetrConnectionEnum(s, "test\\0", 1)["InfoStruct"]["ConnectInfo"]["Level1"]["Buffer"]
print("connections", [(text(r["coni1_username"]), text(r["coni1_netname"]), r["coni1_num_opens"]) for r in rows])
print("uses", srvs.hNetrShareGetInfo(s, "test\\0", 2)["InfoStruct"]["ShareInfo2"]["shi2_current_uses"])
w = bind("wkssvc", wkst.MSRPC_UUID_WKST)
rows = wkst.hNetrWkstaUserEnum(w, 1)["UserInfo"]["WkstaUserInfo"]["Level1"]["Buffer"]
print("users", sorted(text(r["wkui1_username"]) for r in rows))
print("logged on", wkst.hNetrWkstaGetInfo(w, 102)["WkstaInfo"]["WkstaInfo102"]["wki102_logged_on_users"])
`;

const CLOSE = `
rows = srvs.hNetrFileEnum(s, NULL, "daemon\\0", 3)["InfoStruct"]["FileInfo"]["Level3"]["Buffer"]
for row in rows:
    srvs.hNetrFileClose(s, row["fi3_id"])
print("closed", len(rows))
for wrong in (lambda: srvs.hNetrFileClose(s, 4242), lambda: srvs.hNetrSessionDel(s, NULL, "nobody-here\\0")):
    try:
        wrong()
    except DCERPCException as error:
        print("refused", error.get_error_code())
srvs.hNetrSessionDel(s, NULL, "daemon\\0")
print("ended")
`;

const REFUSED = `
w = bind("wkssvc", wkst.MSRPC_UUID_WKST)
for call in (
    lambda: srvs.hNetrSessionEnum(s, NULL, NULL, level=10),
    lambda: srvs.hNetrConnectionEnum(s, "test\\0", 1),
    lambda: srvs.hNetrFileEnum(s, NULL, NULL, 3),
    lambda: srvs.hNetrFileGetInfo(s, 1, 3),
    lambda: srvs.hNetrFileClose(s, 1),
    lambda: srvs.hNetrSessionDel(s, NULL, "games\\0"),
    lambda: wkst.hNetrWkstaUserEnum(w, 1),
    lambda: wkst.hNetrWkstaGetInfo(w, 102),
):
    try:
        call()
        print("allowed")
    except DCERPCException as error:
        print(error.get_error_code())
`;

describe.skipIf(!hasImpacket)("an administrator", () => {
  test("sees sessions, connections and files of others", async () => {
    const mount = await mountShare(server, DAEMON, "test");
    const file = await createFile(mount, "report.txt");
    const sessions = await run(SESSIONS);
    expect(sessions).toContain(`0 ['127.0.0.1', '127.0.0.1']`);
    for (const level of [1, 2, 10, 502]) expect(sessions).toContain(`${level} ['daemon', 'games']`);
    expect(sessions).toContain("daemon only 1 1");
    const files = await run(FILES);
    expect(files).toMatch(/\\shares\\test\\report\.txt daemon 7/);
    expect(files).toContain("True\ninfo daemon");
    const connections = await run(CONNECTIONS);
    expect(connections).toContain("connections [('daemon', 'test', 1)]");
    expect(connections).toContain("uses 1");
    expect(connections).toContain("users ['daemon', 'games', 'games']");
    expect(connections).toContain("logged on 3");
    await mount.client.demand("close", closeCall(mount, file));
    mount.client.close();
  });

  test("closes files and ends sessions", async () => {
    const mount = await mountShare(server, DAEMON, "test");
    await createFile(mount, "open.txt");
    const output = await run(CLOSE);
    expect(output).toContain("closed 1");
    // NERR_FileIdNotFound, NERR_UserNotFound.
    expect(output).toContain("refused 2314\nrefused 2221\nended");
    await expect(createFile(mount, "again.txt")).rejects.toThrow();
    mount.client.close();
  });

  test("others may do none of that", async () => {
    const output = await run(REFUSED, DAEMON);
    expect(output.trim().split("\n")).toEqual(new Array(8).fill("5"));
  });
});
