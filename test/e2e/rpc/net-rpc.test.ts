// `net rpc` and impacket's listing tools against this server and smbd: the same words, or the difference named.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { makeDirectory, removeDirectory } from "../../peer/test-server.ts";
import { canRunOnBoth, type BothOutputs, HOST, onBoth } from "./port-445.ts";
import { DAEMON, hasImpacket, impacketExample, PYTHON } from "./rpc-clients.ts";

interface Row {
  readonly words: string;
  /** Ours, where smbd's words are others. */
  readonly ours?: RegExp;
  /** Why. */
  readonly differs?: string;
}

const GROUPS = "smbd lists the groups that `net groupmap` has mapped, and has none to begin with";
const RIGHTS = "smbd has rights for printers, domains and shutting down, which nothing here would grant";
const ABSENT = "there is no such service, and an open of its pipe is refused at once";

const NET: readonly Row[] = [
  { words: "share list" },
  { words: "share" },
  { words: "share allowedusers" },
  { words: "user" },
  { words: "user info daemon" },
  { words: "user add intruder" },
  { words: "user delete games" },
  { words: "group list", ours: /^None\nAdministrators\nUsers\nGuests$/, differs: GROUPS },
  { words: "group members None", ours: /^SERVER\\daemon\nSERVER\\games$/, differs: GROUPS },
  { words: "group members Administrators" },
  { words: "rights list", ours: /SeTakeOwnershipPrivilege Take ownership/, differs: RIGHTS },
  { words: "rights list accounts", ours: /^BUILTIN\\Administrators\nSeSecurityPrivilege/, differs: RIGHTS },
  { words: "rights list privileges SeTakeOwnershipPrivilege" },
  {
    words: "info",
    ours: /Domain Name: SERVER\nDomain SID: MACHINE-SID\n.*\nNum users: 2\nNum domain groups: 1/,
    differs: "smbd names the workgroup in place of the domain, and counts no group None",
  },
  { words: "getsid" },
  { words: "trustdom list" },
  { words: "file" },
  { words: "file user daemon" },
  { words: "testjoin" },
  { words: "audit list", ours: /Auditing: Disabled/, differs: "nothing is audited here" },
  { words: "service list", ours: /svcctl.*OBJECT_NAME_NOT_FOUND/, differs: ABSENT },
  { words: "registry enumerate HKLM", ours: /winreg.*OBJECT_NAME_NOT_FOUND/, differs: ABSENT },
  { words: "printer list", ours: /spoolss.*OBJECT_NAME_NOT_FOUND/, differs: ABSENT },
];

/** With the arguments behind the account, and lines in which any two servers differ taken out. */
const IMPACKET: readonly (Row & { readonly example: string; readonly before?: readonly string[] })[] = [
  {
    example: "lookupsid",
    words: "520",
    ours: /513: SERVER\\None \(SidTypeGroup\)/,
    differs: "smbd has no operation that it begins with (nca_s_op_rng_error)",
  },
  {
    example: "samrdump",
    words: "",
    ours: /Found user: daemon, uid = \d+\nFound user: games, uid = \d+/,
    differs: "smbd keeps the time of the last change of a password, and other identifiers",
  },
  {
    example: "rpcdump",
    words: "",
    before: ["-port", "445"],
    ours: /OBJECT_NAME_NOT_FOUND[^]*No endpoints found/,
    differs: "smbd has the pipe of the endpoint mapper, which then refuses the call",
  },
];

/** Where `getsid` stores what it finds, in place of the machine's own secrets. */
const secrets = makeDirectory("net-secrets");
afterAll(() => removeDirectory(secrets));

function netWords(words: string): string[] {
  const account = `${DAEMON.user}%${DAEMON.password}`;
  const options = ["--configfile=/dev/null", `--option=private dir=${secrets}`, "--use-kerberos=off"];
  return ["net", ...options, "-S", HOST, "-U", account, "rpc", ...words.split(" ")];
}

describe.skipIf(!canRunOnBoth || Bun.which("net") === null)("net rpc", () => {
  let outputs: BothOutputs[];
  beforeAll(async () => {
    outputs = await onBoth(NET.map(({ words }) => netWords(words)));
  }, 180_000);
  for (const [i, row] of NET.entries()) testRow(row.words, row, () => outputs[i]);
});

describe.skipIf(!canRunOnBoth || !hasImpacket || impacketExample("samrdump") === undefined)(
  "impacket's",
  () => {
    let outputs: BothOutputs[];
    beforeAll(async () => {
      const target = `${DAEMON.user}:${DAEMON.password}@${HOST}`;
      outputs = await onBoth(
        IMPACKET.map(({ example, words, before = [] }) =>
          [PYTHON, impacketExample(example) ?? "", ...before, target, words].filter((word) => word !== ""),
        ),
      );
    }, 180_000);
    for (const [i, row] of IMPACKET.entries()) testRow(row.example, row, () => outputs[i]);
  },
);

function testRow(name: string, { ours, differs }: Row, both: () => BothOutputs | undefined): void {
  test(`${name}: ${differs === undefined ? "as smbd" : `not as smbd, because ${differs}`}`, () => {
    const { minismbd, smbd } = both() ?? { minismbd: "none", smbd: "" };
    if (ours === undefined) expect(minismbd).toBe(smbd);
    else expect(minismbd).toMatch(ours);
  });
}
