// File access is done as the session's user and never as root; path_resolution(7), credentials(7).
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { Errno } from "../../../../src/linux/errno.ts";
import { currentGroups, setThreadFsuid } from "../../../../src/linux/identity.ts";
import { AT_FDCWD, Open, closeFd, openAt } from "../../../../src/linux/open.ts";
import { setXattr } from "../../../../src/linux/xattr.ts";
import { DirectoryCache } from "../../../../src/engine/vfs/context/directory-cache.ts";
import { ShareContext } from "../../../../src/engine/vfs/context/share-context.ts";
import { UserIdentity } from "../../../../src/engine/vfs/context/user-identity.ts";
import { DEFAULT_ACL } from "../../../../src/engine/security/posix-acl.ts";
import type { FileStat, Found } from "../../../../src/engine/vfs/store.ts";
import { heapBuffer } from "../../../../src/engine/vfs/transfer-buffer.ts";
import type { RecycleRules, SnapshotRules } from "../../../../src/port/port.ts";
import { FileAttribute } from "../../../../src/wire/fscc/attributes.ts";
import {
  Fixture,
  descriptorCount,
  expectDescriptors,
  grantFor,
  readWrite,
  succeeded,
} from "../share-fixture.ts";

const USER = 54_321;
const GROUP = 54_322;
const EXTRA = 54_323;
const credentials = { uid: USER, gid: GROUP, groups: [GROUP, EXTRA] };
const RECYCLE: RecycleRules = {
  repository: "home/.recycle",
  keepTree: false,
  versions: false,
  touchAccess: false,
  touchModify: false,
  directoryMode: 0o700,
  subdirectoryMode: 0o700,
  exclude: [],
  excludeDirectories: [],
  noVersions: [],
  minBytes: 0,
  maxBytes: 0,
  maxAgeDays: 0,
  limitBytes: 0,
};
const snapshotsIn = (root: string): SnapshotRules => ({
  kind: "folder",
  forAll: false,
  folder: `${root}/group`,
  base: root,
  mountPoint: "",
  format: "@GMT-%Y.%m.%d-%H.%M.%S",
  prefix: "",
  delimiter: "_GMT",
  isLocalTime: false,
  isAscending: false,
});

/** The fsuid and the fsgid of this thread; proc_pid_status(5). */
function threadIds(): number[] {
  const status = readFileSync("/proc/thread-self/status", "utf8");
  return ["Uid", "Gid"].map((name) => Number(new RegExp(`^${name}:.*\\t(\\d+)$`, "m").exec(status)?.[1]));
}

let owner: Fixture;
let share: Fixture;
let before = 0;

describe.if(process.geteuid?.() === 0)("as root", () => {
  beforeEach(() => {
    before = descriptorCount();
    owner = new Fixture();
    chmodSync(owner.root, 0o755);
    mkdirSync(owner.at("home"));
    chownSync(owner.at("home"), USER, GROUP);
    share = new Fixture({ credentials }, owner);
  });
  afterEach(async () => {
    share.close();
    owner.dispose();
    await expectDescriptors(before);
    // The thread is root again after every call; setting the fsuid to 0 must change nothing.
    expect(setThreadFsuid(0)).toBe(true);
    writeFileSync("/proc/self/comm", "minismbd-test");
  });

  test("new files and directories belong to the user", async () => {
    await share.touch("home", "file");
    await share.makeDirectory("home", "dir");
    for (const name of ["file", "dir"]) {
      const stat = statSync(owner.at("home", name));
      expect([stat.uid, stat.gid]).toEqual([USER, GROUP]);
    }
    writeFileSync(owner.at("mine"), "");
    expect(statSync(owner.at("mine")).uid).toBe(0);
  });

  test("a user removed from a group loses its access in the recycle bin and snapshots too", async () => {
    const bin = new Fixture({ credentials, recycle: RECYCLE, snapshots: snapshotsIn(owner.root) }, owner);
    mkdirSync(owner.at("group", "@GMT-2020.01.01-00.00.00", "home"), { recursive: true });
    chownSync(owner.at("group"), 0, EXTRA);
    chmodSync(owner.at("group"), 0o770);
    writeFileSync(owner.at("group", "file"), "theirs");
    const found = succeeded<Found>(await owner.store.lookup(["group", "file"]));
    const identity = found.node?.identity ?? "";
    found.node?.close();
    expect(await bin.store.snapshots?.().times()).toHaveLength(1);
    bin.store.setCredentials?.({ uid: USER, gid: GROUP, groups: [GROUP] });
    // A file that the user cannot see is not said to be gone.
    expect(await bin.store.discard("group/file", identity)).toBe(-Errno.EACCES);
    expect(await bin.store.snapshots?.().times()).toBe(-Errno.EACCES);
    expect(readdirSync(owner.at("group"))).toContain("file");
    bin.store.setCredentials?.(credentials);
    expect(await bin.store.snapshots?.().times()).toHaveLength(1);
    bin.close();
  });

  test("enter within asServer switches to the user, and leave back to the server", () => {
    const user = new UserIdentity(credentials);
    writeFileSync(owner.at("secret"), "secret", { mode: 0o600 });
    const read = (): number => {
      const fd = openAt(AT_FDCWD, owner.at("secret"), Open.RDONLY);
      if (fd >= 0) closeFd(fd);
      return Math.min(fd, 0);
    };
    expect(user.enter()).toBe(0);
    expect(read()).toBe(-Errno.EACCES);
    user.asServer(() => {
      expect(read()).toBe(0);
      expect(user.enter()).toBe(0);
      expect(read()).toBe(-Errno.EACCES);
      user.leave();
      expect(read()).toBe(0);
    });
    expect(read()).toBe(-Errno.EACCES);
    user.leave();
    expect(read()).toBe(0);
  });

  test("an error that is thrown as the user, and an await after a look-up, leave the thread the server", async () => {
    const user = new UserIdentity(credentials);
    const ids = threadIds();
    expect(user.enter()).toBe(0);
    expect(threadIds()).toEqual([USER, GROUP]);
    user.leave();
    expect(threadIds()).toEqual(ids);
    const root = openAt(AT_FDCWD, owner.root, Open.PATH);
    const context = new ShareContext(
      grantFor(owner.root, { credentials }),
      root,
      new DirectoryCache(),
      false,
    );
    const fail = (): never => {
      expect(threadIds()).toEqual([USER, GROUP]);
      throw new Error("in the middle");
    };
    expect(() => context.asUser(fail)).toThrow("in the middle");
    expect(threadIds()).toEqual(ids);
    expect(() => context.asUser(() => context.identity.asServer(fail))).toThrow();
    expect(threadIds()).toEqual(ids);
    const looked = share.store.lookup(["home"], true);
    expect(threadIds()).toEqual(ids);
    succeeded<Found>(await looked).node?.close();
    expect(threadIds()).toEqual(ids);
    closeFd(root);
  });

  test("ids that the kernel does not know are refused, and the thread stays the server", () => {
    const ids = threadIds();
    // (gid_t)-1 means "unchanged" to setresgid(2), and (uid_t)-1 to setfsuid(2).
    for (const [uid, gid] of [
      [USER, 0xffff_ffff],
      [USER, -1],
      [USER, Number.NaN],
      [0xffff_ffff, GROUP],
    ] as const) {
      const user = new UserIdentity({ uid, gid, groups: [] });
      expect(user.enter()).toBe(-Errno.EPERM);
      expect(threadIds()).toEqual(ids);
    }
  });

  test("a look-up that asks for rights tells the user's, by owner, group and mode", async () => {
    const rightsOf = async (...path: string[]): Promise<number | undefined> => {
      const found = succeeded<Found>(await share.store.lookup(path, true));
      expect(found.rights).toBe(found.node?.access());
      found.node?.close();
      return found.rights;
    };
    for (const [name, uid, gid, mode] of [
      ["root's", 0, 0, 0o600],
      ["theirs", 0, EXTRA, 0o660],
      ["mine", USER, GROUP, 0o500],
    ] as const) {
      writeFileSync(owner.at(name), "");
      chownSync(owner.at(name), uid, gid);
      chmodSync(owner.at(name), mode);
    }
    expect(await rightsOf("root's")).toBe(0);
    expect(await rightsOf("theirs")).toBe(6);
    expect(await rightsOf("mine")).toBe(5);
    expect(await rightsOf("home")).toBe(7);
    expect(succeeded<Found>(await share.store.lookup(["nothing"], true)).rights).toBeUndefined();
    const unasked = succeeded<Found>(await share.store.lookup(["mine"]));
    expect(unasked.rights).toBeUndefined();
    unasked.node?.close();
  });

  test("operations that the user may not do fail", async () => {
    writeFileSync(owner.at("secret"), "secret", { mode: 0o600 });
    mkdirSync(owner.at("closed"), { mode: 0o700 });
    writeFileSync(owner.at("closed", "file"), "");
    const missing = succeeded(await share.lookup("new"));
    expect(await share.store.createFile(missing, readWrite, 0)).toBe(-Errno.EACCES);
    expect(await share.store.createDirectory(missing, 0)).toBe(-Errno.EACCES);
    expect(await share.lookup("closed", "file")).toBe(-Errno.EACCES);
    const node = await share.node("secret");
    expect(node.access()).toBe(0);
    expect(await node.open({ read: true, write: false, writeThrough: false })).toBe(-Errno.EACCES);
    expect(await share.store.remove("secret", node.identity, false)).toBe(-Errno.EACCES);
    const moved = succeeded(await share.lookup("home", "moved"));
    expect(await share.store.rename("secret", node.identity, moved, false)).toBe(-Errno.EACCES);
    expect(await share.store.link(node, moved, false)).toBeLessThan(0);
    expect(node.setMode(0o777)).toBe(-Errno.EPERM);
    expect(await node.setTimes({ modify: { seconds: 1, nanoseconds: 0 } })).toBeLessThan(0);
    expect(await node.setAttributes(FileAttribute.HIDDEN)).toBeLessThan(0);
    node.close();
    const directory = await share.node("closed");
    expect(await directory.open({ read: true, write: false, writeThrough: false })).toBe(-Errno.EACCES);
    // Removing a directory does not need the right to read it.
    expect(await share.store.isEmpty(directory)).toBe(false);
    directory.close();
  });

  test("the primary and the supplementary groups give access", async () => {
    for (const [name, gid] of [
      ["main", GROUP],
      ["extra", EXTRA],
      ["foreign", 54_999],
    ] as const) {
      writeFileSync(owner.at(name), "");
      chownSync(owner.at(name), 0, gid);
      chmodSync(owner.at(name), 0o660);
      const node = await share.node(name);
      expect([name, node.access()]).toEqual([name, name === "foreign" ? 0 : 6]);
      const handle = await node.open(readWrite);
      if (name === "foreign") expect(handle).toBe(-Errno.EACCES);
      else succeeded<{ close(): void }>(handle as never).close();
      node.close();
    }
  });

  test("another user's groups do not stay in force", async () => {
    writeFileSync(owner.at("extra"), "");
    chownSync(owner.at("extra"), 0, EXTRA);
    chmodSync(owner.at("extra"), 0o660);
    const other = new Fixture({ credentials: { uid: 54_400, gid: 54_400, groups: [54_400] } }, owner);
    const [first, second] = [await share.node("extra"), await other.node("extra")];
    expect([first.access(), second.access(), first.access()]).toEqual([6, 0, 6]);
    first.close();
    second.close();
    other.close();
    expect(currentGroups()).toBeArray();
  });

  test("a user with write access may set times and attributes", async () => {
    writeFileSync(owner.at("shared"), "");
    chownSync(owner.at("shared"), 0, GROUP);
    chmodSync(owner.at("shared"), 0o660);
    const node = await share.node("shared");
    expect(await node.setTimes({ modify: { seconds: 1_000, nanoseconds: 0 } })).toBe(0);
    expect(await node.setAttributes(FileAttribute.HIDDEN | FileAttribute.ARCHIVE)).toBe(0);
    expect(succeeded<FileStat>(await node.refresh())).toMatchObject({
      modifySeconds: 1_000,
      attributes: FileAttribute.HIDDEN | FileAttribute.ARCHIVE,
    });
    node.close();
  });

  test("the owner may store attributes on a file with a read-only mode", async () => {
    writeFileSync(owner.at("home", "ro"), "", { mode: 0o400 });
    chownSync(owner.at("home", "ro"), USER, GROUP);
    const node = await share.node("home", "ro");
    expect(await node.setAttributes(FileAttribute.SYSTEM | FileAttribute.READONLY)).toBe(0);
    expect(succeeded<FileStat>(await node.refresh()).attributes).toBe(
      FileAttribute.SYSTEM | FileAttribute.READONLY,
    );
    node.close();
    const strict = new Fixture({ credentials, createMask: 0o444 }, owner);
    const stat = await strict.touch("home", "strict");
    expect([stat.mode & 0o777, stat.attributes]).toEqual([0o444, FileAttribute.ARCHIVE]);
    strict.close();
  });

  test("the attributes of a file that the user may not read are visible", async () => {
    const { node, handle } = await owner.create(["private"], FileAttribute.HIDDEN);
    handle.close();
    node.close();
    chmodSync(owner.at("private"), 0o600);
    const seen = await share.node("private");
    expect([seen.access(), seen.stat.attributes]).toEqual([0, FileAttribute.HIDDEN | FileAttribute.ARCHIVE]);
    seen.close();
  });

  test("`inherit owner` gives new objects the directory's owner", async () => {
    mkdirSync(owner.at("box"));
    chownSync(owner.at("box"), 54_500, GROUP);
    chmodSync(owner.at("box"), 0o775);
    const inheriting = new Fixture({ credentials, inheritOwner: true }, owner);
    await inheriting.touch("box", "f");
    await inheriting.makeDirectory("box", "d");
    for (const name of ["f", "d"]) expect(statSync(owner.at("box", name)).uid).toBe(54_500);
    inheriting.close();
  });

  test("`inherit permissions` ignores the masks", async () => {
    mkdirSync(owner.at("shared"));
    chownSync(owner.at("shared"), USER, GROUP);
    chmodSync(owner.at("shared"), 0o2770);
    const security = { ...grantFor("").security, inheritPermissions: true };
    const inheriting = new Fixture({ credentials, security, createMask: 0o600 }, owner);
    await inheriting.touch("shared", "f");
    await inheriting.makeDirectory("shared", "d");
    expect(statSync(owner.at("shared", "f")).mode & 0o7777).toBe(0o660);
    expect(statSync(owner.at("shared", "d")).mode & 0o7777).toBe(0o2770);
    inheriting.close();
  });

  test("`inherit acls` is not restricted by the masks", async () => {
    mkdirSync(owner.at("listed"));
    chownSync(owner.at("listed"), USER, GROUP);
    // Owner rw-, group rw-, others ---, for whatever is made.
    const list = "0200000001000600ffffffff04000600ffffffff20000000ffffffff";
    const directory = openSync(owner.at("listed"), "r");
    const failure = setXattr(directory, DEFAULT_ACL, Buffer.from(list, "hex"));
    closeSync(directory);
    if (failure === -Errno.EOPNOTSUPP) return;
    const security = { ...grantFor("").security, inheritAcls: true };
    const inheriting = new Fixture({ credentials, security, createMask: 0o600 }, owner);
    await inheriting.touch("listed", "f");
    expect(statSync(owner.at("listed", "f")).mode & 0o7777).toBe(0o660);
    inheriting.close();
    await share.touch("listed", "g");
    expect(statSync(owner.at("listed", "g")).mode & 0o077).toBe(0o040);
  });

  test("a change of the user's groups takes effect at once", async () => {
    const { node, handle } = await owner.create(["teams"]);
    handle.close();
    node.close();
    chownSync(owner.at("teams"), 0, EXTRA);
    chmodSync(owner.at("teams"), 0o640);
    const before = await share.node("teams");
    expect(before.access()).toBe(4);
    share.store.setCredentials?.({ uid: USER, gid: GROUP, groups: [] });
    const after = await share.node("teams");
    expect([before.access(), after.access()]).toEqual([0, 0]);
    share.store.setCredentials?.(credentials);
    expect(after.access()).toBe(4);
    before.close();
    after.close();
  });

  test("listing a directory needs the right to read it", async () => {
    mkdirSync(owner.at("home", "sub"));
    expect(await share.list("home")).toEqual([".", "..", "sub"]);
    mkdirSync(owner.at("drop"), { mode: 0o733 });
    chmodSync(owner.at("drop"), 0o733);
    const drop = await share.node("drop");
    expect(await drop.open({ read: true, write: false, writeThrough: false })).toBe(-Errno.EACCES);
    drop.close();
    // A directory that cannot be listed can still be written to.
    await share.touch("drop", "in");
    expect(statSync(owner.at("drop", "in")).uid).toBe(USER);
  });

  test("an open handle keeps its access when the mode changes", async () => {
    const { node, handle } = await share.create(["home", "data"]);
    chmodSync(owner.at("home", "data"), 0);
    const bytes = new Uint8Array(300_000).fill(7);
    expect(await handle.write(heapBuffer(bytes), 0, bytes.length, 0)).toBe(bytes.length);
    expect(await handle.read(heapBuffer(bytes), 0, 10, 299_995)).toBe(5);
    handle.close();
    node.close();
  });
});
