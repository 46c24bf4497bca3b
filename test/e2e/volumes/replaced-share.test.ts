// A share's directory that is removed, replaced or unmounted while clients are connected: they connect anew and see
// what is there now, and the log says so. [MS-SMB2] 3.3.5.2.11 (STATUS_NETWORK_NAME_DELETED).
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Status, statusName } from "../../../src/wire/status.ts";
import { giveToTester, TESTER, type TestServer } from "../../peer/test-server.ts";
import { treeConnectCall } from "../client/raw-calls.ts";
import { closeFile, createCall, createFile, type Mount, mountShare, openFile } from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

const NAMES = ["removed", "renamed", "moved", "disk"] as const;

let base: string;
let server: TestServer;
beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), "minismbd-replaced-"));
  Bun.spawnSync(["chmod", "755", base]);
  for (const name of NAMES) make(name);
  server = await startServer({ shares: NAMES.map((name) => ({ name, path: at(name) })) });
});
afterAll(async () => {
  await server.stop();
  rmSync(base, { recursive: true, force: true });
});

const at = (...names: string[]): string => join(base, ...names);

function make(name: string): void {
  mkdirSync(at(name));
  giveToTester(at(name));
}

/** Repeats a look-up of `name` until its status is `wanted`, for at most 15 s. */
async function awaitStatus(mount: Mount, name: string, wanted: number): Promise<void> {
  const end = performance.now() + 15_000;
  let status: number;
  do {
    await Bun.sleep(50);
    status = (await mount.client.request(createCall(mount, name))).status;
  } while (status !== wanted && performance.now() < end);
  expect(statusName(status)).toBe(statusName(wanted));
}

async function connectAgain(mount: Mount, share: string): Promise<Mount> {
  return { ...mount, treeId: await mount.client.connectTree(mount.session, share) };
}

async function seesFile(mount: Mount, name: string): Promise<void> {
  await closeFile(mount, (await openFile(mount, name)).fileId);
}

test("a client of a directory that is removed and made again connects anew and sees the new one", async () => {
  const mount = await mountShare(server, TESTER, "removed");
  await closeFile(mount, await createFile(mount, "old"));
  rmSync(at("removed"), { recursive: true });
  await awaitStatus(mount, "old", Status.NETWORK_NAME_DELETED);
  const refused = await mount.client.request(treeConnectCall(mount.session, "removed"));
  expect(statusName(refused.status)).toBe("STATUS_BAD_NETWORK_NAME");
  make("removed");
  writeFileSync(at("removed", "new"), "");
  await seesFile(await connectAgain(mount, "removed"), "new");
  expect(server.log()).toContain(
    `share removed: the disk at ${at("removed")} is gone, or its directory was removed`,
  );
  mount.client.close();
}, 40_000);

test("a client of a directory in whose place another is put connects anew and sees that one", async () => {
  const mount = await mountShare(server, TESTER, "renamed");
  renameSync(at("renamed"), at("before"));
  make("renamed");
  writeFileSync(at("renamed", "new"), "");
  await awaitStatus(mount, "new", Status.NETWORK_NAME_DELETED);
  await seesFile(await connectAgain(mount, "renamed"), "new");
  mount.client.close();
}, 40_000);

test("a client of a directory that is only renamed goes on", async () => {
  const mount = await mountShare(server, TESTER, "moved");
  renameSync(at("moved"), at("elsewhere"));
  writeFileSync(at("elsewhere", "file"), "");
  // Longer than the server takes to look at the directories of its shares.
  await Bun.sleep(6_000);
  await seesFile(mount, "file");
  mount.client.close();
}, 40_000);

const isRoot = process.geteuid?.() === 0;

function attach(path: string): void {
  Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "mode=777", "none", path]);
}

/** The status of a tree connect. */
async function connectStatus(mount: Mount, share: string): Promise<string> {
  return statusName((await mount.client.request(treeConnectCall(mount.session, share))).status);
}

test.if(isRoot)(
  "a share whose disk was unmounted is refused, and served again when it is back",
  async () => {
    attach(at("disk"));
    try {
      const mount = await mountShare(server, TESTER, "disk");
      await closeFile(mount, await createFile(mount, "on disk"));
      Bun.spawnSync(["umount", "-l", at("disk")]);
      await awaitStatus(mount, "on disk", Status.NETWORK_NAME_DELETED);
      expect(await connectStatus(mount, "disk")).toBe("STATUS_BAD_NETWORK_NAME");
      expect(await connectStatus(mount, "disk")).toBe("STATUS_BAD_NETWORK_NAME");
      expect(server.log()).toContain(`share disk: its disk is not mounted at ${at("disk")}`);
      attach(at("disk"));
      writeFileSync(at("disk", "back"), "");
      await seesFile(await connectAgain(mount, "disk"), "back");
      mount.client.close();
    } finally {
      Bun.spawnSync(["umount", "-l", at("disk")]);
    }
  },
  40_000,
);

test.if(isRoot)(
  "a share on a folder of a disk that is unmounted in use is lost as well",
  async () => {
    const disk = at("outer");
    mkdirSync(disk);
    attach(disk);
    mkdirSync(join(disk, "folder"), { mode: 0o777 });
    giveToTester(join(disk, "folder"));
    const own = await startServer({ shares: [{ name: "inner", path: join(disk, "folder") }] });
    try {
      const mount = await mountShare(own, TESTER, "inner");
      await closeFile(mount, await createFile(mount, "file"));
      Bun.spawnSync(["umount", "-l", disk]);
      await awaitStatus(mount, "file", Status.NETWORK_NAME_DELETED);
      mount.client.close();
    } finally {
      await own.stop();
      Bun.spawnSync(["umount", "-l", disk]);
    }
  },
  40_000,
);

// A mount namespace of its own, where another file is /etc/fstab.
test.if(isRoot)(
  "the folder below a mount point of fstab is not served before its disk is mounted",
  async () => {
    make("planned");
    const inner = at("planned", "photos");
    mkdirSync(inner);
    const fstab = at("fstab");
    writeFileSync(fstab, `LABEL=photos ${at("planned")} ext4 nofail 0 2\n`);
    const script = `mount --bind ${fstab} /etc/fstab && exec "$@"`;
    const own = await startServer({
      shares: [
        { name: "planned", path: inner },
        { name: "root", path: at("removed") },
      ],
      runner: ["unshare", "--mount", "sh", "-c", script, "sh"],
    });
    try {
      const mount = await mountShare(own, TESTER, "root");
      expect(await connectStatus(mount, "planned")).toBe("STATUS_BAD_NETWORK_NAME");
      const disk = `mount -t tmpfs none ${at("planned")} && mkdir -m 777 ${inner} && touch ${inner}/file`;
      Bun.spawnSync(["nsenter", "--mount", `--target=${own.pid}`, "sh", "-c", disk]);
      await seesFile(await connectAgain(mount, "planned"), "file");
      mount.client.close();
    } finally {
      await own.stop();
    }
  },
  40_000,
);
