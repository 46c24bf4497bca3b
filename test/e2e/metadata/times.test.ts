// The four times of a file: set to 100 ns, frozen and released through one open, and kept where the
// specification says. [MS-FSCC] 2.4.7; [MS-FSA] 2.1.4.17, 2.1.5.1.2, 2.1.5.15.2.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { utimesSync } from "node:fs";
import { join } from "node:path";
import { FileGeneric } from "../../../src/wire/security/access.ts";
import { CreateDisposition, type CreateRequest } from "../../../src/wire/command/create.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { FileAttribute } from "../../../src/wire/fscc/attributes.ts";
import type { AllInformation } from "../../../src/wire/fscc/file-information.ts";
import { Status } from "../../../src/wire/status.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { mountTest } from "../client/attack-rig.ts";
import { readAll, setAttributes, setBasic } from "../client/attribute-calls.ts";
import { closeFile, listDirectory, type Mount, openFile, readFile, writeFile } from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

let server: TestServer;
let mount: Mount;
beforeAll(async () => {
  server = await startServer();
  mount = await mountTest(server);
});
afterAll(async () => {
  mount.client.close();
  await server.stop();
});

type Which = "birth" | "access" | "modify" | "change";
const ALL: readonly Which[] = ["birth", "access", "modify", "change"];
const LONG_AGO = { seconds: 1_000_000_000, nanoseconds: 123_456_700 };
const BYTES = new Uint8Array(10).fill(7);

async function open(name: string, options: Partial<CreateRequest> = {}): Promise<FileId> {
  const opened = await openFile(mount, name, {
    desiredAccess: FileGeneric.ALL,
    createDisposition: CreateDisposition.OPEN_IF,
    ...options,
  });
  return opened.fileId;
}

function timeOf(all: AllInformation, which: Which): { seconds: number; nanoseconds: number } {
  return { seconds: all[`${which}Seconds`], nanoseconds: all[`${which}Nanoseconds`] };
}

describe("set and read", () => {
  test.each([
    ["to 100 ns", LONG_AGO],
    ["1968", { seconds: -63_158_400, nanoseconds: 999_999_900 }],
    ["a second before 1970", { seconds: -1, nanoseconds: 0 }],
    ["1970", { seconds: 0, nanoseconds: 100 }],
    ["beyond 2038", { seconds: 4_294_967_295, nanoseconds: 0 }],
    ["2286", { seconds: 10_000_000_000, nanoseconds: 0 }],
    // The last time that ext4 can store.
    ["2446", { seconds: 15_032_385_535, nanoseconds: 0 }],
  ])("SET_INFO sets all four times, %s, and the next open returns them", async (name, time) => {
    const file = await open(`set ${name}`);
    const change = { birth: time, access: time, modify: time, change: time };
    expect(await setBasic(mount, file, change)).toBe(Status.SUCCESS);
    for (const which of ALL) expect(timeOf(await readAll(mount, file), which)).toEqual(time);
    await closeFile(mount, file);
    const again = await open(`set ${name}`);
    const all = await readAll(mount, again);
    for (const which of ALL) expect(timeOf(all, which)).toEqual(time);
    await closeFile(mount, again);
  });

  test("SET_INFO of one time leaves the other three", async () => {
    const file = await open("each");
    const old = { seconds: 900_000_000, nanoseconds: 0 };
    await setBasic(mount, file, { birth: old, access: old, modify: old, change: old });
    for (const which of ALL) {
      const before = await readAll(mount, file);
      expect(await setBasic(mount, file, { [which]: LONG_AGO })).toBe(Status.SUCCESS);
      const after = await readAll(mount, file);
      for (const other of ALL) {
        expect(timeOf(after, other)).toEqual(other === which ? LONG_AGO : timeOf(before, other));
      }
    }
    await closeFile(mount, file);
  });

  test("a listing shows the same times as the file", async () => {
    const file = await open("listed");
    await setBasic(mount, file, { birth: LONG_AGO, access: LONG_AGO, modify: LONG_AGO, change: LONG_AGO });
    await closeFile(mount, file);
    const root = await open("", {
      desiredAccess: FileGeneric.READ,
      createDisposition: CreateDisposition.OPEN,
    });
    const entry = (await listDirectory(mount, root)).find(({ name }) => name === "listed")?.stat;
    for (const which of ALL) {
      expect([entry?.[`${which}Seconds`], entry?.[`${which}Nanoseconds`]]).toEqual([
        LONG_AGO.seconds,
        LONG_AGO.nanoseconds,
      ]);
    }
    await closeFile(mount, root);
  });

  test("a ChangeTime that was set moves with the next change by a client or a local program", async () => {
    const file = await open("moves");
    await setBasic(mount, file, { change: LONG_AGO });
    await closeFile(mount, file);
    const again = await open("moves");
    expect(timeOf(await readAll(mount, again), "change")).toEqual(LONG_AGO);
    await writeFile(mount, again, 0, BYTES);
    expect((await readAll(mount, again)).changeSeconds).toBeGreaterThan(LONG_AGO.seconds);
    await setBasic(mount, again, { change: LONG_AGO });
    await closeFile(mount, again);
    utimesSync(join(server.shares.get("test") ?? "", "moves"), 5, 5);
    const last = await open("moves");
    expect((await readAll(mount, last)).changeSeconds).toBeGreaterThan(LONG_AGO.seconds);
    await closeFile(mount, last);
  });
});

describe("times frozen through one open", () => {
  test("times that an open has set stay when it writes, and move when another open writes", async () => {
    const file = await open("sticky");
    await writeFile(mount, file, 0, BYTES);
    await setBasic(mount, file, { modify: LONG_AGO, change: LONG_AGO });
    await writeFile(mount, file, 0, BYTES);
    for (const which of ["modify", "change"] as const) {
      expect(timeOf(await readAll(mount, file), which)).toEqual(LONG_AGO);
    }
    const other = await open("sticky");
    await writeFile(mount, other, 0, BYTES);
    const moved = await readAll(mount, file);
    expect(moved.modifySeconds).toBeGreaterThan(LONG_AGO.seconds);
    expect(moved.changeSeconds).toBeGreaterThan(LONG_AGO.seconds);
    await closeFile(mount, other);
    await closeFile(mount, file);
  });

  test.each(["modify", "change"] as const)("-1 freezes %s for the open, -2 releases it", async (which) => {
    const file = await open(`stop ${which}`);
    await writeFile(mount, file, 0, BYTES);
    const before = timeOf(await readAll(mount, file), which);
    expect(await setBasic(mount, file, { [which]: "stop" })).toBe(Status.SUCCESS);
    expect(timeOf(await readAll(mount, file), which)).toEqual(before);
    await Bun.sleep(20);
    await writeFile(mount, file, 0, BYTES);
    expect(timeOf(await readAll(mount, file), which)).toEqual(before);
    expect(await setBasic(mount, file, { [which]: "resume" })).toBe(Status.SUCCESS);
    await writeFile(mount, file, 0, BYTES);
    expect(timeOf(await readAll(mount, file), which)).not.toEqual(before);
    await closeFile(mount, file);
  });

  test("an access time that an open has set stays when it reads", async () => {
    const file = await open("read");
    await writeFile(mount, file, 0, BYTES);
    // Older than the modification time, so that a read would move it even with the mount option relatime.
    await setBasic(mount, file, { access: LONG_AGO });
    await readFile(mount, file, 0, 10);
    expect(timeOf(await readAll(mount, file), "access")).toEqual(LONG_AGO);
    await setBasic(mount, file, { access: "resume" });
    await closeFile(mount, file);
  });

  test("a ChangeTime that an open has set stays when it sets attributes and extended attributes", async () => {
    const file = await open("attributes");
    await setBasic(mount, file, { change: LONG_AGO });
    await setBasic(mount, file, { attributes: FileAttribute.HIDDEN });
    expect(await setAttributes(mount, file, { a: "1" })).toBe(Status.SUCCESS);
    expect(timeOf(await readAll(mount, file), "change")).toEqual(LONG_AGO);
    await closeFile(mount, file);
  });
});

test("the creation time stays when a client overwrites the file", async () => {
  const file = await open("overwritten");
  await setBasic(mount, file, { birth: LONG_AGO });
  await closeFile(mount, file);
  for (const createDisposition of [CreateDisposition.OVERWRITE, CreateDisposition.OVERWRITE_IF]) {
    const again = await open("overwritten", { createDisposition });
    expect(timeOf(await readAll(mount, again), "birth")).toEqual(LONG_AGO);
    await closeFile(mount, again);
  }
});

test("SET_INFO with a time below -2 fails with STATUS_INVALID_PARAMETER", async () => {
  const file = await open("negative");
  const before1601 = { seconds: 922_337_203_685 - 11_644_473_600 + 10, nanoseconds: 0 };
  expect(await setBasic(mount, file, { modify: before1601 })).toBe(Status.INVALID_PARAMETER);
  await closeFile(mount, file);
});
