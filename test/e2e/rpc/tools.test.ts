// What people's tools print: `net rpc` of Samba, and the examples of impacket that list a server. They know port 445 only,
// so the server has an address of the loopback network to itself.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type TestServer, TESTER, type User } from "../../peer/test-server.ts";
import { connectionWords, demandSmbclient, runProgram, runSmbclient } from "../client/smbclient.ts";
import { startServer } from "../client/server.ts";
import { DAEMON, GAMES, hasImpacket, impacketExample, PYTHON } from "./rpc-clients.ts";

const isRoot = process.getuid?.() === 0;
const USERS = [DAEMON, GAMES, TESTER];

let server: TestServer;
beforeAll(async () => {
  if (!isRoot) return;
  server = await startServer({
    host: "127.44.5.2",
    port: 445,
    users: USERS,
    parameters: { "admin users": GAMES.user },
    shares: [{ name: "test" }, { name: "nt", parameters: { acl: "nt", "admin users": "nobody" } }],
  });
});
afterAll(() => server?.stop());

describe.skipIf(!isRoot || Bun.which("net") === null)("net rpc", () => {
  const net = async (words: string): Promise<string> => {
    const account = `${DAEMON.user}%${DAEMON.password}`;
    const command = ["net", "--configfile=/dev/null", "-S", server.host, "-U", account, "--use-kerberos=off"];
    return (await runProgram([...command, "rpc", ...words.split(" ")])).output;
  };

  test.each([
    ["share list", /^test\nnt\nIPC\$$/m],
    ["user", /^daemon\ngames\nminismbd-tester$/m],
    ["user info daemon", /^None$/m],
    ["group list", /^None\nAdministrators\nUsers\nGuests$/m],
    ["group members None", /MINISMBD\\daemon\nMINISMBD\\games\nMINISMBD\\minismbd-tester/],
    ["group members Administrators", /^Unix User\\games$/m],
    ["rights list", /SeTakeOwnershipPrivilege\s+Take ownership/],
    ["rights list accounts", /BUILTIN\\Administrators\nSeSecurityPrivilege/],
    ["info", /Domain Name: MINISMBD\nDomain SID: S-1-5-21-\d+-\d+-\d+\n[\s\S]*Num users: 3/],
    ["user add intruder", /NT_STATUS_ACCESS_DENIED|Access denied|Access is denied/i],
    ["user delete games", /NT_STATUS_ACCESS_DENIED|Access denied|Access is denied/i],
  ])("%s", async (words, answer) => {
    expect(await net(words)).toMatch(answer);
  });
});

describe.skipIf(!isRoot || !hasImpacket || impacketExample("lookupsid") === undefined)("impacket's", () => {
  const run = async (name: string, ...words: string[]): Promise<string> =>
    (await runProgram([PYTHON, impacketExample(name) ?? "", ...words])).output;
  const target = (): string => `${DAEMON.user}:${DAEMON.password}@${server.host}`;

  test("lookupsid.py finds the users by their identifiers", async () => {
    const output = await run("lookupsid", target(), "1020");
    expect(output).toMatch(/Domain SID is: S-1-5-21-\d+-\d+-\d+$/m);
    expect(output).toContain("513: MINISMBD\\None (SidTypeGroup)");
    expect(output).toContain("1002: MINISMBD\\daemon (SidTypeUser)");
    expect(output).toContain("1010: MINISMBD\\games (SidTypeUser)");
  });

  test("samrdump.py lists the users with their information", async () => {
    const output = await run("samrdump", target());
    for (const { user } of USERS) expect(output).toContain(`Found user: ${user}, uid = `);
    expect(output).toContain("daemon (1002)/PrimaryGroupId: 513");
    expect(output).toContain("Received 3 entries.");
  });

  test("rpcdump.py finds no endpoint mapper, as with a Samba that has none", async () => {
    expect(await run("rpcdump", "-port", "445", target())).toContain("No endpoints found");
  });

  test("netview.py is refused the sessions, and goes on", async () => {
    const account = `WORKGROUP/${DAEMON.user}:${DAEMON.password}`;
    const output = await run("netview", account, "-target", server.host, "-noloop");
    expect(output).toContain("Got 1 machines");
    expect(output).not.toContain("Traceback");
  });
});

/** A bind with a log-on of its own, over the session of another user. */
const BIND = `
import sys
from impacket.dcerpc.v5 import transport, lsat, lsad
from impacket.dcerpc.v5.rpcrt import *
host, port, user, password, other, secret, level = sys.argv[1:8]
t = transport.SMBTransport(host, int(port), r"\\lsarpc", user, password)
d = t.get_dce_rpc()
d.set_credentials(other, secret)
d.set_auth_type(RPC_C_AUTHN_WINNT)
d.set_auth_level(int(level))
d.connect()
d.bind(lsat.MSRPC_UUID_LSAT)
print(repr(lsat.hLsarGetUserName(d)["UserName"]))
handle = lsad.hLsarOpenPolicy2(d, 0x02000000)["PolicyHandle"]
names = ["Everyone"] * 600
print(len(lsat.hLsarLookupNames(d, handle, names)["TranslatedSids"]["Sids"]))
`;

describe.skipIf(!isRoot || !hasImpacket)("an authenticated bind", () => {
  const bind = async (secret: string, level: number): Promise<string> => {
    const words = [DAEMON.user, DAEMON.password, TESTER.user, secret, String(level)];
    return (await runProgram([PYTHON, "-c", BIND, server.host, "445", ...words])).output;
  };

  // Level 2 (connect) protects no calls: nothing ties them to the user of the bind.
  test.each([
    [2, "the session's", DAEMON.user],
    [5, "its own", TESTER.user],
    [6, "its own", TESTER.user],
  ] as const)(
    "at level %d makes calls as %s user, requests and replies of many fragments",
    async (level, _whose, user) => {
      const output = await bind(TESTER.password, level);
      expect(output).toContain(`'${user}'`);
      expect(output).toContain("\n600\n");
    },
  );

  test("with a wrong password makes none, waits as a failed log-on does, and is named in the log", async () => {
    const start = performance.now();
    expect(await bind("wrong", 6)).toMatch(/access_denied|0x5\b/i);
    expect(performance.now() - start).toBeGreaterThan(1_500);
    expect(server.log()).toMatch(
      /log-on of 'minismbd-tester' from 127\.0\.0\.1 refused: RPC bind: wrong password/,
    );
  });
});

describe.skipIf(!isRoot || Bun.which("smbcacls") === null)("a client that shows a descriptor", () => {
  // smbcacls takes no port.
  const accountWords = (): string[] =>
    connectionWords(server, {}).filter((word) => !word.startsWith("--port="));
  const smbcacls = async (...words: string[]): Promise<string> => {
    const share = `//${server.host}/nt`;
    return (await runProgram(["smbcacls", share, "/file", ...accountWords(), ...words])).output;
  };

  test("shows names in place of SIDs, and finds the SIDs of the names that its user types", async () => {
    await demandSmbclient(server, [`put ${server.directory}/minismbd.conf file`], { share: "nt" });
    const before = await smbcacls();
    expect(before).toContain("OWNER:Unix User\\daemon");
    expect(before).toContain("GROUP:Unix Group\\daemon");
    expect(before).toContain("ACL:Everyone:ALLOWED");
    expect(before).not.toMatch(/S-1-/);
    await smbcacls("--add", "ACL:games:ALLOWED/0x0/READ");
    await smbcacls("--add", "ACL:MINISMBD\\minismbd-tester:ALLOWED/0x0/READ");
    const after = await smbcacls();
    expect(after).toContain("ACL:Unix User\\games:ALLOWED/0x0/READ");
    expect(after).toContain("ACL:MINISMBD\\minismbd-tester:ALLOWED/0x0/READ");
  });

  test("gives the users it names exactly what it shows", async () => {
    await demandSmbclient(server, [`put ${server.directory}/minismbd.conf secret`], { share: "nt" });
    const set = ["--set", "ACL:daemon:ALLOWED/0x0/FULL,ACL:MINISMBD\\minismbd-tester:ALLOWED/0x0/READ"];
    const share = `//${server.host}/nt`;
    await runProgram(["smbcacls", share, "/secret", ...accountWords(), ...set]);
    const read = (user: User) => runSmbclient(server, ["get secret /dev/null"], { share: "nt", user });
    expect((await read(TESTER)).output).not.toContain("NT_STATUS");
    expect((await read(GAMES)).output).toContain("NT_STATUS_ACCESS_DENIED");
  });
});
