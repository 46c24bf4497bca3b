// Attacks by symlinks: a local user swaps a folder and a symlink between check and use during renames, links,
// deletions and creations; mounts below a share; /proc's magic links, also where wide links are allowed.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Access } from "../../../src/wire/security/access.ts";
import { CreateDisposition, CreateOption, decodeCreateResponse } from "../../../src/wire/command/create.ts";
import { FileAttribute } from "../../../src/wire/fscc/attributes.ts";
import { encodeBasicChange } from "../../../src/wire/fscc/file-information.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, TESTER_UID, type TestServer } from "../../peer/test-server.ts";
import { encode, pair } from "../client/fsctl-calls.ts";
import {
  closeCall,
  closeFile,
  createCall,
  createFile,
  ioctlCall,
  linkCall,
  listDirectory,
  type Mount,
  mountShare,
  openFile,
  READ_WRITE,
  renameCall,
  setInfoCall,
  writeCall,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";
import { expectServing } from "../client/attack-rig.ts";

const isRoot = process.getuid?.() === 0;
const SHARES = ["test", "following"];

let server: TestServer;
let outside = "";
beforeAll(async () => {
  server = await startServer({
    shares: [
      { name: "test" },
      { name: "following", parameters: { "follow symlinks": "yes" } },
      {
        name: "wide",
        parameters: { "follow symlinks": "yes", "wide links": "yes", "smb3 unix extensions": "no" },
      },
      { name: "bounded", parameters: { crossmnt: "no" } },
    ],
  });
  outside = join(server.directory, "outside");
  mkdirSync(outside);
  writeFileSync(join(outside, "secret"), "secret");
  for (const path of [outside, join(outside, "secret")]) own(path);
});
afterAll(() => server.stop());
afterEach(async () => {
  // No test may change the folder outside the share.
  expect(readdirSync(outside)).toEqual(["secret"]);
  expect(readFileSync(join(outside, "secret"), "utf8")).toBe("secret");
  for (const path of server.shares.values()) {
    for (const name of readdirSync(path)) rmSync(join(path, name), { recursive: true, force: true });
  }
  await expectServing(server);
});

function own(path: string): void {
  if (isRoot) chownSync(path, TESTER_UID, TESTER_UID);
}

/** Keeps swapping a folder `shifty` of the share with a symlink to outside, until `work` is done. */
async function whileShifting(path: string, work: () => Promise<void>): Promise<void> {
  mkdirSync(join(path, "shifty"));
  own(join(path, "shifty"));
  symlinkSync(outside, join(path, "link"));
  let isRunning = true;
  const shifting = (async () => {
    while (isRunning) {
      renameSync(join(path, "shifty"), join(path, "spare"));
      renameSync(join(path, "link"), join(path, "shifty"));
      await Bun.sleep(0);
      renameSync(join(path, "shifty"), join(path, "link"));
      renameSync(join(path, "spare"), join(path, "shifty"));
      await Bun.sleep(0);
    }
  })();
  try {
    await work();
  } finally {
    isRunning = false;
    await shifting;
  }
}

async function rounds(count: number, each: (round: number) => Promise<boolean>): Promise<void> {
  let done = 0;
  for (let round = 0; round < count; round++) if (await each(round)) done++;
  // At least one request must succeed, otherwise the test tried the symlink only.
  expect(done).toBeGreaterThan(0);
}

describe.each(SHARES)("in [%s], through a folder that is swapped with a symlink", (name) => {
  const path = (): string => server.shares.get(name) ?? "";
  const mountIt = (): Promise<Mount> => mountShare(server, TESTER, name);

  test("a client creates nothing outside", async () => {
    const mount = await mountIt();
    await whileShifting(path(), () =>
      rounds(300, async (round) => {
        const options = {
          desiredAccess: READ_WRITE,
          createDisposition: CreateDisposition.CREATE,
          createOptions: round % 2 === 0 ? 0 : CreateOption.DIRECTORY_FILE,
        };
        const reply = await mount.client.request(createCall(mount, `shifty\\new${round}`, options));
        if (reply.status !== Status.SUCCESS) return false;
        await closeFile(mount, decodeCreateResponse(reply.message).fileId);
        return true;
      }),
    );
    mount.client.close();
  }, 30_000);

  test("a client moves and links nothing outside", async () => {
    const mount = await mountIt();
    await whileShifting(path(), () =>
      rounds(200, async (round) => {
        const file = await createFile(mount, `mover${round}`);
        const call = round % 2 === 0 ? renameCall : linkCall;
        const outcome = await mount.client.outcome(call(mount, file, `shifty\\moved${round}`, true));
        await closeFile(mount, file);
        return outcome === Status.SUCCESS;
      }),
    );
    mount.client.close();
  }, 30_000);

  test("a client deletes nothing outside with delete-on-close", async () => {
    const mount = await mountIt();
    await whileShifting(path(), () =>
      rounds(200, async () => {
        const made = await mount.client.request(
          createCall(mount, "shifty\\secret", {
            desiredAccess: READ_WRITE,
            createDisposition: CreateDisposition.OPEN_IF,
            createOptions: CreateOption.DELETE_ON_CLOSE,
          }),
        );
        if (made.status !== Status.SUCCESS) return false;
        await Bun.sleep(0);
        // The close fails where the folder is the symlink by then.
        return (
          (await mount.client.outcome(closeCall(mount, decodeCreateResponse(made.message).fileId))) ===
          Status.SUCCESS
        );
      }),
    );
    mount.client.close();
  }, 30_000);

  test("a client replaces nothing outside by a rename", async () => {
    const mount = await mountIt();
    await whileShifting(path(), () =>
      rounds(200, async (round) => {
        const file = await createFile(mount, `mover${round}`);
        const outcome = await mount.client.outcome(renameCall(mount, file, "shifty\\secret", true));
        await closeFile(mount, file);
        return outcome === Status.SUCCESS;
      }),
    );
    mount.client.close();
  }, 30_000);
});

test("changes to a symlink opened with OPEN_REPARSE_POINT never reach its target", async () => {
  const mount = await mountShare(server, TESTER, "test");
  const path = server.shares.get("test") ?? "";
  const secret = join(outside, "secret");
  symlinkSync(secret, join(path, "link"));
  if (isRoot) lchownSync(join(path, "link"), TESTER_UID, TESTER_UID);
  const facts = () =>
    JSON.stringify(lstatSync(secret), (key, value: unknown) => (key.startsWith("atime") ? 0 : value));
  const before = facts();
  const rights =
    Access.WRITE_ATTRIBUTES | Access.WRITE_DATA | Access.WRITE_EA | Access.WRITE_DAC | Access.DELETE;
  const file = await openFile(mount, "link", {
    desiredAccess: rights,
    createOptions: CreateOption.OPEN_REPARSE_POINT,
  });
  const long = { seconds: 1_000_000_000, nanoseconds: 0 };
  const basic = encode(64, (writer) =>
    encodeBasicChange(writer, {
      birth: long,
      access: long,
      modify: long,
      change: undefined,
      attributes: FileAttribute.READONLY,
    }),
  );
  const ea = encode(64, (writer) => {
    writer.u32(0);
    writer.u8(0);
    writer.u8(3);
    writer.u16(5);
    writer.raw(new TextEncoder().encode("abc\0value"));
  });
  const size = new Uint8Array(8);
  const calls = [
    setInfoCall(mount, file.fileId, FileInfoClass.BASIC, basic),
    setInfoCall(mount, file.fileId, FileInfoClass.FULL_EA, ea),
    setInfoCall(mount, file.fileId, FileInfoClass.END_OF_FILE, size),
    setInfoCall(mount, file.fileId, FileInfoClass.ALLOCATION, size),
    writeCall(mount, file.fileId, 0, new Uint8Array(4)),
    ioctlCall(mount, Fsctl.SET_SPARSE, new Uint8Array(0), file.fileId),
    ioctlCall(mount, Fsctl.SET_ZERO_DATA, pair(0n, 100n), file.fileId),
  ];
  for (const call of calls) expect(await mount.client.outcome(call)).not.toBe("closed");
  await closeFile(mount, file.fileId);
  expect(facts()).toBe(before);
  const stream = { desiredAccess: READ_WRITE, createDisposition: CreateDisposition.OPEN_IF };
  for (const createOptions of [0, CreateOption.OPEN_REPARSE_POINT]) {
    const outcome = await mount.client.outcome(
      createCall(mount, "link:stream", { ...stream, createOptions }),
    );
    expect(outcome).not.toBe(Status.SUCCESS);
  }
  expect(facts()).toBe(before);
  mount.client.close();
});

describe("magic links and mounts", () => {
  test("a client cannot follow /proc's magic links even with wide links", async () => {
    const mount = await mountShare(server, TESTER, "wide");
    const path = server.shares.get("wide") ?? "";
    for (const target of [
      "/proc/self/root",
      "/proc/self/cwd",
      `/proc/${server.pid}/root`,
      "/proc/self/fd/1",
    ]) {
      rmSync(join(path, "magic"), { force: true });
      symlinkSync(target, join(path, "magic"));
      for (const name of ["magic\\etc\\passwd", "magic\\new"]) {
        const options = { desiredAccess: READ_WRITE, createDisposition: CreateDisposition.OPEN_IF };
        const outcome = await mount.client.outcome(createCall(mount, name, options));
        expect([target, name, outcome === Status.SUCCESS]).toEqual([target, name, false]);
      }
      const direct = await mount.client.outcome(
        createCall(mount, "magic", { desiredAccess: Access.READ_DATA }),
      );
      expect([target, direct === Status.SUCCESS]).toEqual([target, false]);
    }
    mount.client.close();
  });

  test.skipIf(!isRoot)("a client that follows a wide link still needs the user's permissions", async () => {
    const mount = await mountShare(server, TESTER, "wide");
    const path = server.shares.get("wide") ?? "";
    const closed = join(server.directory, "closed");
    mkdirSync(closed, { mode: 0o700 });
    writeFileSync(join(closed, "file"), "root's own");
    symlinkSync(closed, join(path, "closed"));
    symlinkSync("/etc/shadow", join(path, "shadow"));
    for (const name of ["closed\\file", "closed\\new", "shadow"]) {
      const outcome = await mount.client.outcome(createCall(mount, name));
      expect([name, outcome === Status.SUCCESS]).toEqual([name, false]);
    }
    mount.client.close();
  });

  test.skipIf(!isRoot)("with `crossmnt = no` a client cannot reach a mount below the share", async () => {
    const mount = await mountShare(server, TESTER, "bounded");
    const path = server.shares.get("bounded") ?? "";
    mkdirSync(join(path, "disk"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "mode=777", "none", join(path, "disk")]);
    try {
      writeFileSync(join(path, "disk", "file"), "on another disk");
      for (const name of ["disk", "disk\\file", "DISK\\FILE", "disk\\new"]) {
        const options = { createDisposition: CreateDisposition.OPEN_IF, desiredAccess: READ_WRITE };
        const outcome = await mount.client.outcome(createCall(mount, name, options));
        expect([name, outcome === Status.SUCCESS]).toEqual([name, false]);
      }
      const file = await createFile(mount, "mover");
      for (const call of [renameCall, linkCall]) {
        const outcome = await mount.client.outcome(call(mount, file, "disk\\moved", true));
        expect(outcome).not.toBe(Status.SUCCESS);
      }
      await closeFile(mount, file);
      const root = (await openFile(mount, "", {})).fileId;
      expect((await listDirectory(mount, root)).map(({ name }) => name)).not.toContain("disk");
      await closeFile(mount, root);
      expect(readdirSync(join(path, "disk"))).toEqual(["file"]);
    } finally {
      execFileSync("umount", ["-l", join(path, "disk")]);
    }
    expect(existsSync(join(path, "disk", "file"))).toBe(false);
    mount.client.close();
  });
});
