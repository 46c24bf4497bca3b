// `minismbd status` beside Samba's smbstatus, with the same clients: each column of smbstatus is in ours, or named here.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { hasSmbd, startSmbd } from "../../peer/smbd.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { type ControlledServer, minismbd, startControlled } from "../client/control-rig.ts";
import { EXCLUSIVE_NOW, lockOne, SHARED_NOW } from "../client/lock-calls.ts";
import { createDirectory, createFile, type Mount, mountShare } from "../client/raw-files.ts";
import { notifyCall } from "../client/raw-notify.ts";

type Row = Readonly<Record<string, unknown>>;
type Table = Readonly<Record<string, Row>>;

let ours: ControlledServer;
let theirs: TestServer;
const mounts: Mount[] = [];

const isPossible = hasSmbd() && process.getuid?.() === 0;

beforeAll(async () => {
  if (!isPossible) return;
  ours = await startControlled();
  theirs = await startSmbd({});
  for (const place of [ours, theirs]) {
    const mount = await mountShare(place, TESTER, "test");
    mounts.push(mount);
    const file = await createFile(mount, "letter.txt");
    await mount.client.request(lockOne(mount, file, 5, 7, EXCLUSIVE_NOW));
    await mount.client.request(lockOne(mount, file, 50, 3, SHARED_NOW));
    const directory = await createDirectory(mount, "watched");
    const pending = mount.client.start(notifyCall(mount, directory, { recursive: true }));
    pending.reply.catch(() => {});
    await pending.interim;
  }
});
afterAll(async () => {
  for (const { client } of mounts) client.close();
  await ours?.stop();
  await theirs?.stop();
});

function smbstatus(...words: readonly string[]): string {
  const { stdout } = spawnSync("smbstatus", ["-s", join(theirs.directory, "smb.conf"), ...words], {
    encoding: "utf8",
  });
  return stdout;
}

function status(...words: readonly string[]): string {
  return minismbd("status", "--control", ours.socket, ...words).out;
}

const OWN_WORDS = (): Readonly<Record<string, readonly Row[]>> => JSON.parse(status("--json"));

/** The fields of a row of smbstatus --json, with ours; a text says what ours has instead. */
const SESSION: Readonly<Record<string, string>> = {
  session_id: "id",
  server_id: "- one process serves all: `status.pid`",
  uid: "- of each open file, as a share may act as another user",
  gid: "- as uid",
  username: "user",
  groupname: "- as uid",
  remote_machine: "remoteAddress",
  hostname: "- the client's port is not shown",
  session_dialect: "dialect",
  encryption: "cipher",
  signing: "signingAlgorithm",
};
const TREE: Readonly<Record<string, string>> = {
  service: "share",
  server_id: "- one process serves all",
  tcon_id: "id",
  session_id: "session",
  machine: "remoteAddress",
  connected_at: "ageMs",
  encryption: "isEncrypted",
  signing: "- that of its session",
};
const OPEN: Readonly<Record<string, string>> = {
  server_id: "- one process serves all",
  uid: "uid",
  share_file_id: "id",
  sharemode: "shareAccess",
  access_mask: "access",
  caching: "caching",
  oplock: "isLease",
  lease: "isLease",
  opened_at: "ageMs",
};
const FILE: Readonly<Record<string, string>> = {
  service_path: "sharePath",
  filename: "path",
  fileid: "- the inode is not shown",
  num_pending_deletes: "deletePending",
  opens: "- one row for each open",
};

function expectFields(
  theirRow: Row | undefined,
  ourRow: Row | undefined,
  names: Readonly<Record<string, string>>,
): void {
  expect(Object.keys(theirRow ?? {}).toSorted()).toEqual(Object.keys(names).toSorted());
  const fields = new Set(Object.keys(ourRow ?? {}));
  for (const name of Object.values(names)) if (!name.startsWith("- ")) expect([...fields]).toContain(name);
}

describe.skipIf(!isPossible)("--json", () => {
  test("has each field of smbstatus' sessions, shares and open files, or the test says why not", () => {
    const samba: Readonly<Record<string, Table>> = JSON.parse(smbstatus("--json"));
    const own = OWN_WORDS();
    expectFields(Object.values(samba["sessions"] ?? {})[0], own["sessions"]?.[0], SESSION);
    expectFields(Object.values(samba["tcons"] ?? {})[0], own["trees"]?.[0], TREE);
    const file = Object.values(samba["open_files"] ?? {}).find(({ filename }) => filename === "letter.txt");
    const open = own["opens"]?.find(({ path }) => path === "letter.txt");
    expectFields(file, { ...open, deletePending: open?.["deletePending"] }, FILE);
    expectFields(Object.values((file?.["opens"] ?? {}) as Table)[0], open, OPEN);
  });

  test("says the same of the same clients", () => {
    const samba: Readonly<Record<string, Table>> = JSON.parse(smbstatus("--json"));
    const own = OWN_WORDS();
    const session = Object.values(samba["sessions"] ?? {})[0];
    expect(session?.["remote_machine"]).toBe(own["sessions"]?.[0]?.["remoteAddress"]);
    expect(session?.["session_dialect"]).toBe("SMB3_11");
    expect(own["sessions"]?.[0]?.["dialect"]).toBe(0x0311);
    const names = (rows: readonly Row[] | undefined, field: string) =>
      rows?.map((row) => row[field]).toSorted();
    // smbstatus does not list an open directory without a share mode of its own.
    const files = Object.values(samba["open_files"] ?? {});
    expect(names(files, "filename")).toEqual(names(own["opens"], "path"));
    const open = own["opens"]?.find(({ path }) => path === "letter.txt");
    const file = files.find(({ filename }) => filename === "letter.txt");
    const theirOpen = Object.values((file?.["opens"] ?? {}) as Table)[0];
    expect(Number((theirOpen?.["access_mask"] as Row)["hex"])).toBe(open?.["access"] as number);
    expect(Number((theirOpen?.["sharemode"] as Row)["hex"])).toBe(open?.["shareAccess"] as number);
  });

  test("lists are arrays, where smbstatus has objects by id", () => {
    const own = OWN_WORDS();
    for (const name of ["sessions", "trees", "opens", "locks", "notifies"])
      expect(Array.isArray(own[name])).toBe(true);
  });
});

/** The heads of smbstatus' tables (its -N has none of its own here), each with that of ours; a text says what ours has instead. */
const COLUMNS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "-p": {
    PID: "ID",
    Username: "User",
    Group: "- users may have none on this machine",
    Machine: "Client",
    "Protocol Version": "Dialect",
    Encryption: "Encryption",
    Signing: "Signing",
  },
  "-S": {
    Service: "Share",
    pid: "- one process serves all",
    Machine: "Client",
    "Connected at": "Since",
    Encryption: "Encrypted",
    Signing: "- that of its session, -p",
  },
  "-L": {
    Pid: "ID",
    "User(ID)": "User",
    DenyMode: "Shared",
    Access: "Access",
    "R/W": "Access",
    Oplock: "Caching",
    SharePath: "Share",
    Name: "Name",
    Time: "- --json has ageMs",
  },
  "-B": {
    Pid: "Open",
    "dev:inode": "Name",
    "R/W": "Kind",
    start: "Start",
    size: "Length",
    SharePath: "Share",
    Name: "Name",
  },
};

describe.skipIf(!isPossible).each(Object.entries(COLUMNS))("%s", (option, columns) => {
  test("each column of smbstatus is in ours, or the test says why not", () => {
    const heads = smbstatus(option)
      .split("\n")
      .findLast((line) => /^(PID|Pid|Service) /i.test(line.trim()));
    const found = (heads ?? "").trim().split(/\s{2,}/);
    const named = Object.keys(columns);
    expect(found.join(" ")).toBe(named.join(" "));
    const lines = status(option).split("\n");
    const own = lines[lines.findLastIndex((line) => /^[A-Z][\w -]+:$/.test(line)) + 1] ?? "";
    for (const name of Object.values(columns))
      if (!name.startsWith("- ")) expect(own.split(/\s{2,}/)).toContain(name);
  });
});

describe.skipIf(!isPossible)("the tables", () => {
  test("-B has the locks that smbstatus has", () => {
    const lines = (text: string, pattern: RegExp) =>
      text.split("\n").filter((line) => pattern.test(line)).length;
    expect(lines(smbstatus("-B"), /letter\.txt.* \d+ |\d+ .*letter\.txt/)).toBeGreaterThan(0);
    expect(status("-B")).toMatch(/exclusive +5 +7 +test +letter\.txt/);
    expect(status("-B")).toMatch(/shared +50 +3 +test +letter\.txt/);
  });

  test("-N has the directory that is watched", () => {
    expect(status("-N")).toMatch(/127\.0\.0\.1 +0x3 +yes +1 +test +watched/);
  });
});
