// Names, SIDs, users and groups by RPC (lsarpc, dssetup, samr): the answers to Samba's rpcclient, held against smbd's.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startSmbd } from "../../peer/smbd.ts";
import type { TestServer, User } from "../../peer/test-server.ts";
import { startServer } from "../client/server.ts";
import { type Call, DAEMON, GAMES, hasPeer, hasRpcclient, runRpcclient, testCalls } from "./rpc-clients.ts";

const ALGORITHMIC = "smbd counts from 1000, minismbd computes the identifier from the uid";
const NO_GROUPS = "smbd has no groups without a mapping; Windows has None, Administrators, Users, Guests";

const CALLS: readonly Call[] = [
  { command: "lsaquery", answer: /^Domain Name: WORKGROUP\nDomain Sid: \(NULL SID\)$/ },
  { command: "getusername", answer: /^Account Name: daemon, Authority Name: SERVER$/ },
  { command: "dsroledominfo", answer: /Machine Role = \[2\]\nDirectory Service not running/ },
  {
    command: "lookupsids S-1-5-32-544 S-1-5-32-545 S-1-1-0 S-1-3-0 S-1-22-1-0 S-1-22-2-0",
    answer:
      /^S-1-5-32-544 BUILTIN\\Administrators \(4\)\nS-1-5-32-545 BUILTIN\\Users \(4\)\nS-1-1-0 \\Everyone \(5\)\nS-1-3-0 \\Creator Owner \(5\)\nS-1-22-1-0 Unix User\\root \(1\)\nS-1-22-2-0 Unix Group\\root \(2\)$/,
  },
  { command: "lookupsids S-1-22-1-4000000001", answer: /Unix User\\4000000001 \(1\)/ },
  { command: "lookupsids S-1-5-99-1-2-3", answer: /\*unknown\*\\\*unknown\* \(8\)|NT_STATUS_NONE_MAPPED/ },
  {
    command: "lookupsids S-1-5-18 S-1-5-11",
    answer: /^S-1-5-18 NT AUTHORITY\\SYSTEM \(5\)\nS-1-5-11 NT AUTHORITY\\Authenticated Users \(5\)$/,
    differs: "Windows writes the authority in capitals",
  },
  { command: "lookupnames root Administrators everyone", answer: /^root S-1-22-1-0 \(User: 1\)\nAdmin/ },
  { command: "lookupnames nobody-of-that-name", answer: /NT_STATUS_NONE_MAPPED/ },
  {
    command: "lookupnames daemon",
    answer: /^daemon S-1-22-1-1 \(User: 1\)$/,
    differs: "the SID that the user's token has here, so that an entry of a descriptor made from it counts",
  },
  { command: "enumtrust", answer: /^$/ },
  {
    command: "lsaenumsid",
    answer: /S-1-5-32-544\nS-1-1-0/,
    differs: "smbd gives privileges of printers and users to more groups",
  },
  { command: "lookupdomain BUILTIN", answer: /Domain Name: BUILTIN Domain SID: S-1-5-32$/ },
  { command: "lookupdomain NOSUCH", answer: /NT_STATUS_NO_SUCH_DOMAIN/ },
  { command: "enumdomains", answer: /name:\[SERVER\] idx:\[0x0\]\nname:\[Builtin\] idx:\[0x1\]/ },
  {
    command: "enumdomusers",
    answer: /^user:\[daemon\] rid:\[0x3ea\]\nuser:\[games\] rid:\[0x3f2\]\nuser:\[ann\]/,
    differs: ALGORITHMIC,
  },
  { command: "queryuser 1002", answer: /User Name : daemon[\s\S]*group_rid: 0x201/, differs: ALGORITHMIC },
  { command: "samlookupnames domain daemon", answer: /name daemon: 0x3ea \(1\)/, differs: ALGORITHMIC },
  { command: "samlookuprids domain 513", answer: /^rid 0x201: None \(2\)$/ },
  { command: "samlookuprids domain 999999", answer: /NT_STATUS_NONE_MAPPED|\(8\)/ },
  { command: "enumalsgroups domain", answer: /^$/ },
  { command: "enumdomgroups", answer: /^group:\[None\] rid:\[0x201\]$/, differs: NO_GROUPS },
  { command: "enumalsgroups builtin", answer: /group:\[Administrators\] rid:\[0x220\]/, differs: NO_GROUPS },
  {
    command: "queryaliasmem builtin 545",
    answer: /^sid:\[S-1-22-1-1\]\s+sid:\[S-1-22-1-5\]\s+sid:\[MACHINE-SID\]$/,
    differs: NO_GROUPS,
  },
  { command: "queryusergroups 1002", answer: /group rid:\[0x201\] attr:\[0x7\]/, differs: ALGORITHMIC },
  { command: "getdompwinfo", answer: /min_password_length: 1/, differs: "smbd's least length is 5" },
  { command: "querydominfo 3", answer: /Force Logoff: -1/ },
  { command: "querydispinfo", answer: /RID: 0x3ea acb: 0x00000210 Account: daemon/, differs: ALGORITHMIC },
  { command: "querydispinfo 3", answer: /RID: 0x201 acb: 0x00000007 Account: None/, differs: NO_GROUPS },
  { command: "createdomuser intruder", answer: /NT_STATUS_ACCESS_DENIED/ },
  { command: "createdomgroup intruder", answer: /NT_STATUS_ACCESS_DENIED/ },
  { command: "deletedomuser games", answer: /NT_STATUS_ACCESS_DENIED/ },
];

/** A user without an account on the machine. */
const ANN: User = { user: "ann", password: "Own-Word-3" };

let server: TestServer;
let peer: TestServer | undefined;
beforeAll(async () => {
  server = await startServer({ users: [DAEMON, GAMES, ANN] });
  if (hasPeer) peer = await startSmbd({ users: [DAEMON, GAMES] });
});
afterAll(async () => {
  await peer?.stop();
  await server.stop();
});

describe.skipIf(!hasRpcclient)("rpcclient", () => {
  testCalls(
    CALLS,
    () => server,
    () => peer,
  );

  test("the SID of the machine is that of ksmbd.subauth, and names the users without an account", async () => {
    const { output } = await runRpcclient(server, "lookupdomain MINISMBD");
    const numbers = await Bun.file(`${server.directory}/ksmbd.subauth`).text();
    expect(output).toContain(`Domain SID: S-1-5-21-${numbers.trim().replaceAll(":", "-")}`);
  });
});

describe.skipIf(!hasRpcclient)("binds", () => {
  for (const protection of [
    "[connect]",
    "[sign]",
    "[seal]",
    "[spnego,sign]",
    "[spnego,seal]",
    "[ntlm,seal,bigendian]",
    "[packet]",
  ]) {
    test(`a client that binds with ${protection} gets its calls answered`, async () => {
      const { output } = await runRpcclient(server, "getusername;enumdomusers", { protection });
      expect(output).toContain("Account Name: daemon, Authority Name: MINISMBD");
      expect(output).toContain("user:[games]");
    });
  }
});

describe.skipIf(!hasRpcclient)("anonymous users", () => {
  const nobody = { user: "", password: "" };
  test("get their own name, and neither names nor users", async () => {
    expect((await runRpcclient(server, "getusername", { user: nobody })).output).toContain("ANONYMOUS LOGON");
    for (const command of ["lookupsids S-1-22-1-0", "lookupnames root", "lsaquery", "enumdomusers"]) {
      const { output } = await runRpcclient(server, command, { user: nobody });
      expect(output).toMatch(/NT_STATUS_ACCESS_DENIED|WERR_ACCESS_DENIED/);
      expect(output).not.toContain("daemon");
    }
  });
});
