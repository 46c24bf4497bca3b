// A client's own changes do not break its own lease: [MS-FSA] 2.1.4.12 breaks no oplock whose key is that of the
// open that makes the change.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { CreateDisposition } from "../../../src/wire/command/create.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { Status } from "../../../src/wire/status.ts";
import { startSubject } from "../../peer/start.ts";
import type { TestServer } from "../../peer/test-server.ts";
import {
  isQuiet,
  key,
  leaseAck,
  leaseV1,
  leaseV2,
  mountLeasing,
  nextLeaseBreak,
  openLeased,
  R,
  READ_WRITE_DATA,
  RH,
  RWH,
} from "../client/lease-rig.ts";
import { EXCLUSIVE_NOW, lockOne } from "../client/lock-calls.ts";
import { type Mount, openFile, setInfoCall, writeFile } from "../client/raw-files.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startSubject({ parameters: { "oplock break timeout": "5" } });
});
afterAll(async () => {
  await server?.stop();
});

async function withMounts(run: (holder: Mount, other: Mount) => Promise<void>): Promise<void> {
  const holder = await mountLeasing(server);
  const other = await mountLeasing(server);
  try {
    await run(holder, other);
  } finally {
    holder.client.close();
    other.client.close();
  }
}

function sizeOf(bytes: number): Uint8Array {
  const size = new Uint8Array(8);
  new DataView(size.buffer).setBigUint64(0, BigInt(bytes), true);
  return size;
}

const { OVERWRITE, OVERWRITE_IF, SUPERSEDE } = CreateDisposition;
const DISPOSITIONS = { OVERWRITE, OVERWRITE_IF, SUPERSEDE } as const;

describe.each(["file", "file:stream"])("%s with an RWH lease", (name) => {
  test.each(Object.entries(DISPOSITIONS))("%s with the same lease key breaks nothing", async (title, how) => {
    const path = `${title} ${name}`;
    await withMounts(async (holder) => {
      const held = await openLeased(holder, path, leaseV2(1, RWH));
      await writeFile(holder, held.fileId, 0, new Uint8Array(100));
      for (let round = 0; round < 10; round++) {
        const again = await openLeased(holder, path, leaseV2(1, RWH), { createDisposition: how });
        expect(again.contexts.lease).toMatchObject({ state: RWH, flags: 0, epoch: 1 });
      }
      expect(await isQuiet(holder)).toBe(true);
    });
  });

  test("sizes, data and locks that another open with the same key changes break nothing", async () => {
    await withMounts(async (holder) => {
      const path = `changed ${name}`;
      await openLeased(holder, path, leaseV2(1, RWH));
      const { fileId } = await openLeased(holder, path, leaseV2(1, RWH));
      expect(await writeFile(holder, fileId, 0, new Uint8Array(100))).toBe(100);
      for (const [infoClass, bytes] of [
        [FileInfoClass.END_OF_FILE, 50],
        [FileInfoClass.END_OF_FILE, 5000],
        [FileInfoClass.ALLOCATION, 20],
        [FileInfoClass.ALLOCATION, 8192],
      ] as const) {
        const call = setInfoCall(holder, fileId, infoClass, sizeOf(bytes));
        expect(await holder.client.outcome(call)).toBe(Status.SUCCESS);
      }
      expect(await holder.client.outcome(lockOne(holder, fileId, 0, 1, EXCLUSIVE_NOW))).toBe(Status.SUCCESS);
      expect(await isQuiet(holder)).toBe(true);
    });
  });

  test("an overwrite breaks the other client's lease and not the overwriting client's", async () => {
    await withMounts(async (holder, other) => {
      const path = `shared ${name}`;
      await openLeased(holder, path, leaseV2(1, RH));
      await openLeased(other, path, leaseV2(2, RH));
      const overwriting = openLeased(holder, path, leaseV2(1, RH), { createDisposition: OVERWRITE });
      expect(await nextLeaseBreak(other)).toMatchObject({ currentLeaseState: RH, newLeaseState: 0 });
      await other.client.outcome(leaseAck(other, key(2), 0));
      expect((await overwriting).contexts.lease).toMatchObject({ state: RH, flags: 0 });
      expect(await isQuiet(holder)).toBe(true);
    });
  });
});

test("a version 1 lease is not broken by its own overwrite either", async () => {
  await withMounts(async (holder) => {
    await openLeased(holder, "version 1", leaseV1(1, RWH));
    const again = await openLeased(holder, "version 1", leaseV1(1, RWH), { createDisposition: OVERWRITE_IF });
    expect(again.contexts.lease).toMatchObject({ state: RWH, flags: 0 });
    expect(await isQuiet(holder)).toBe(true);
  });
});

test("an overwrite without the lease key, or with another client's equal key, breaks the lease", async () => {
  await withMounts(async (holder, other) => {
    const overwrite = { createDisposition: OVERWRITE, desiredAccess: READ_WRITE_DATA };
    await openLeased(holder, "no key", leaseV2(1, R));
    await openFile(holder, "no key", overwrite);
    expect(await nextLeaseBreak(holder)).toMatchObject({ currentLeaseState: R, newLeaseState: 0 });
    await openLeased(holder, "equal key", leaseV2(3, R));
    await openLeased(other, "equal key", leaseV2(3, R), overwrite);
    expect(await nextLeaseBreak(holder)).toMatchObject({ currentLeaseState: R, newLeaseState: 0 });
  });
});
