// Leases and oplocks: grant, break, acknowledgement, time-out; [MS-SMB2] 3.3.4.6, 3.3.4.7, 3.3.5.22.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { CreateDisposition, OplockLevel, ShareAccess } from "../../../src/wire/command/create.ts";
import { LeaseFlag } from "../../../src/wire/context/create-context.ts";
import { LeaseBreakFlag } from "../../../src/wire/command/oplock-break.ts";
import { Capability, Dialect } from "../../../src/wire/command/negotiate.ts";
import { Status } from "../../../src/wire/status.ts";
import { againstSmbd, startSubject } from "../../peer/start.ts";
import type { TestServer } from "../../peer/test-server.ts";
import {
  finishOpen,
  isQuiet,
  key,
  leaseAck,
  leaseV1,
  leaseV2,
  LEASING,
  mountLeasing,
  nextLeaseBreak,
  nextOplockBreak,
  openLeased,
  oplockAck,
  R,
  READ_WRITE_DATA,
  RH,
  RW,
  RWH,
  startOpen,
} from "../client/lease-rig.ts";
import { closeFile, createCall, type Mount, openFile, renameCall, writeFile } from "../client/raw-files.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startSubject({ parameters: { "oplock break timeout": "2" } });
});
afterAll(async () => {
  await server?.stop();
});

async function withMounts(
  count: number,
  run: (...mounts: Mount[]) => Promise<void>,
  options: Parameters<typeof mountLeasing>[1] = {},
): Promise<void> {
  const mounts: Mount[] = [];
  try {
    for (let i = 0; i < count; i++) mounts.push(await mountLeasing(server, options));
    await run(...mounts);
  } finally {
    for (const mount of mounts) mount.client.close();
  }
}

test("a lease is granted, broken and acknowledged", async () => {
  await withMounts(2, async (holder, other) => {
    const created = await openLeased(holder as Mount, "one", leaseV2(1, RWH, undefined, 7));
    expect(created.oplockLevel).toBe(OplockLevel.LEASE);
    expect(created.contexts.lease).toMatchObject({ version: 2, state: RWH, flags: 0, epoch: 8 });
    const pending = startOpen(other as Mount, "one");
    expect((await pending.interim).status).toBe(Status.PENDING);
    const broken = await nextLeaseBreak(holder as Mount);
    expect(broken).toMatchObject({
      newEpoch: 9,
      flags: LeaseBreakFlag.ACK_REQUIRED,
      currentLeaseState: RWH,
      newLeaseState: RH,
    });
    expect(broken?.leaseKey).toEqual(key(1));
    // The holder opens the same file again: it does not wait for its own lease, and BREAK_IN_PROGRESS is set.
    const again = await openLeased(holder as Mount, "one", leaseV2(1, RWH));
    expect(again.contexts.lease).toMatchObject({ state: RWH, flags: LeaseFlag.BREAK_IN_PROGRESS });
    expect(await (holder as Mount).client.outcome(leaseAck(holder as Mount, key(1), RH))).toBe(0);
    expect((await pending.reply).status).toBe(Status.SUCCESS);
    expect((await finishOpen(pending)).oplockLevel).toBe(OplockLevel.NONE);
    const left = await openLeased(holder as Mount, "one", leaseV2(1, R));
    expect(left.contexts.lease).toMatchObject({ state: RH, flags: 0, epoch: 9 });
  });
});

test("a batch oplock is broken to level II and acknowledged", async () => {
  await withMounts(2, async (holder, other) => {
    const options = { createDisposition: CreateDisposition.OPEN_IF, desiredAccess: READ_WRITE_DATA };
    const held = await openFile(holder as Mount, "batch", { ...options, oplockLevel: OplockLevel.BATCH });
    expect(held.oplockLevel).toBe(OplockLevel.BATCH);
    const pending = startOpen(other as Mount, "batch", { oplockLevel: OplockLevel.BATCH });
    const broken = await nextOplockBreak(holder as Mount);
    expect(broken).toEqual({ level: OplockLevel.II, fileId: held.fileId });
    const ack = oplockAck(holder as Mount, held.fileId, OplockLevel.II);
    expect(await (holder as Mount).client.outcome(ack)).toBe(Status.SUCCESS);
    expect((await finishOpen(pending)).oplockLevel).toBe(OplockLevel.II);
    // A write breaks every level II oplock, the writer's own included, and waits for no acknowledgement.
    await writeFile(holder as Mount, held.fileId, 0, new Uint8Array([1]));
    expect((await nextOplockBreak(other as Mount))?.level).toBe(OplockLevel.NONE);
    expect((await nextOplockBreak(holder as Mount))?.level).toBe(OplockLevel.NONE);
  });
});

test("a client that does not acknowledge a break loses its lease after the time-out", async () => {
  await withMounts(2, async (holder, other) => {
    await openLeased(holder as Mount, "silent", leaseV2(1, RWH));
    const startedMs = performance.now();
    const pending = startOpen(other as Mount, "silent", { oplockLevel: OplockLevel.II });
    expect((await pending.reply).status).toBe(Status.SUCCESS);
    expect(performance.now() - startedMs).toBeGreaterThan(1900);
    expect(await (holder as Mount).client.outcome(leaseAck(holder as Mount, key(1), RH))).toBe(
      Status.UNSUCCESSFUL,
    );
    const left = await openLeased(holder as Mount, "silent", leaseV2(1, 0));
    expect(left.contexts.lease?.state).toBe(0);
  });
});

test("a conflicting open fails only after the holder had the chance to close", async () => {
  await withMounts(2, async (holder, other) => {
    const alone = { shareAccess: 0 };
    const held = await openLeased(holder as Mount, "alone", leaseV2(1, RH), alone);
    const first = startOpen(other as Mount, "alone");
    expect(await nextLeaseBreak(holder as Mount)).toMatchObject({ newLeaseState: R });
    expect(await (holder as Mount).client.outcome(leaseAck(holder as Mount, key(1), R))).toBe(0);
    expect((await first.reply).status).toBe(Status.SHARING_VIOLATION);
    await closeFile(holder as Mount, held.fileId);
    const again = await openLeased(holder as Mount, "alone", leaseV2(1, RH), alone);
    const second = startOpen(other as Mount, "alone");
    expect(await nextLeaseBreak(holder as Mount)).toMatchObject({ newLeaseState: R });
    await closeFile(holder as Mount, again.fileId);
    expect((await second.reply).status).toBe(Status.SUCCESS);
  });
});

test("a lost connection ends its leases within a second", async () => {
  await withMounts(2, async (holder, other) => {
    await openLeased(holder as Mount, "lost", leaseV2(1, RWH));
    const pending = startOpen(other as Mount, "lost");
    await pending.interim;
    (holder as Mount).client.close();
    const startedMs = performance.now();
    expect((await pending.reply).status).toBe(Status.SUCCESS);
    expect(performance.now() - startedMs).toBeLessThan(1000);
  });
});

test("a rename by another client breaks handle caching, and a write breaks read caching", async () => {
  await withMounts(2, async (holder, other) => {
    await openLeased(holder as Mount, "changed", leaseV2(1, RH));
    const writer = await openFile(other as Mount, "changed", {
      desiredAccess: READ_WRITE_DATA | 0x1_0000,
      shareAccess: ShareAccess.READ | ShareAccess.WRITE | ShareAccess.DELETE,
    });
    const rename = (other as Mount).client.start(renameCall(other as Mount, writer.fileId, "renamed", false));
    expect(await nextLeaseBreak(holder as Mount)).toMatchObject({ currentLeaseState: RH, newLeaseState: R });
    expect((await rename.interim).status).toBe(Status.PENDING);
    expect(await (holder as Mount).client.outcome(leaseAck(holder as Mount, key(1), R))).toBe(0);
    expect((await rename.reply).status).toBe(Status.SUCCESS);
    await writeFile(other as Mount, writer.fileId, 0, new Uint8Array([1]));
    // Only read caching is left: the break needs no acknowledgement.
    expect(await nextLeaseBreak(holder as Mount)).toMatchObject({
      currentLeaseState: R,
      newLeaseState: 0,
      flags: 0,
    });
  });
});

test("a lease key in use for one file gets STATUS_INVALID_PARAMETER for another", async () => {
  await withMounts(1, async (mount) => {
    const held = await openLeased(mount as Mount, "first", leaseV2(1, RWH));
    const second = createCall(mount as Mount, "second", {
      oplockLevel: OplockLevel.LEASE,
      createDisposition: CreateDisposition.OPEN_IF,
      contexts: { lease: leaseV2(1, R) },
    });
    expect(await (mount as Mount).client.outcome(second)).toBe(Status.INVALID_PARAMETER);
    await closeFile(mount as Mount, held.fileId);
    expect(await (mount as Mount).client.outcome(second)).toBe(Status.SUCCESS);
  });
});

test("two clients with the same lease key have separate leases", async () => {
  await withMounts(2, async (one, two) => {
    await openLeased(one as Mount, "shared", leaseV2(1, RWH));
    const pending = startOpen(two as Mount, "shared", {
      oplockLevel: OplockLevel.LEASE,
      contexts: { lease: leaseV2(1, RWH) },
    });
    expect(await nextLeaseBreak(one as Mount)).toMatchObject({ newLeaseState: RH });
    // An acknowledgement from the other client with the same key does not count for this client's lease.
    expect(await (two as Mount).client.outcome(leaseAck(two as Mount, key(1), RH))).toBe(
      Status.OBJECT_NAME_NOT_FOUND,
    );
    expect(await (one as Mount).client.outcome(leaseAck(one as Mount, key(1), RH))).toBe(0);
    expect((await finishOpen(pending)).contexts.lease?.state).toBe(RH);
  });
});

test("dialect 2.0.2 grants no leases, dialect 2.1 no version 2 leases", async () => {
  await withMounts(
    1,
    async (mount) => {
      const opened = await openLeased(mount as Mount, "old", leaseV1(1, RWH));
      expect(opened.oplockLevel).toBe(OplockLevel.NONE);
      expect(opened.contexts.lease).toBeUndefined();
    },
    { dialects: [Dialect.SMB_2_0_2] },
  );
  await withMounts(
    1,
    async (mount) => {
      const first = await openLeased(mount as Mount, "old", leaseV1(1, RWH));
      expect(first.contexts.lease).toMatchObject({ version: 1, state: RWH });
      const second = await openLeased(mount as Mount, "older", leaseV2(2, RW));
      expect(second.oplockLevel).toBe(OplockLevel.NONE);
    },
    { dialects: [Dialect.SMB_2_1] },
  );
});

test("a lease break notification is never signed and has SessionId 0", async () => {
  for (const protection of ["sealed", "signed"] as const) {
    await withMounts(
      1,
      async (holder) => {
        await withMounts(1, async (other) => {
          await openLeased(holder as Mount, "safe", leaseV2(1, R));
          await openFile(other as Mount, "safe", {
            desiredAccess: READ_WRITE_DATA,
            createDisposition: CreateDisposition.OVERWRITE,
          });
          const reply = await (holder as Mount).client.nextUnclaimed();
          expect(reply?.signature).toBe("none");
          expect(reply?.header.sessionId).toBe(0);
        });
      },
      { protection },
    );
  }
});

test("an open for attributes only breaks no lease", async () => {
  await withMounts(2, async (holder, other) => {
    await openLeased(holder as Mount, "looked", leaseV2(1, RWH));
    const looking = await openFile(other as Mount, "looked", { desiredAccess: 0x80 });
    expect(looking.oplockLevel).toBe(OplockLevel.NONE);
    expect(await isQuiet(holder as Mount)).toBe(true);
  });
});

test.skipIf(againstSmbd)("`smb2 leases = no` and `oplocks = no` disable leases and oplocks", async () => {
  const plain = await startSubject({
    parameters: { "smb2 leases": "no" },
    shares: [{ name: "test" }, { name: "none", parameters: { oplocks: "no" } }],
  });
  const asksForAll = { createDisposition: CreateDisposition.OPEN_IF, desiredAccess: READ_WRITE_DATA };
  try {
    const mount = await mountLeasing(plain);
    expect((mount.client.negotiated?.capabilities ?? 0) & LEASING & ~Capability.LARGE_MTU).toBe(0);
    expect((await openLeased(mount, "file", leaseV2(1, RWH))).oplockLevel).toBe(OplockLevel.NONE);
    const batch = { ...asksForAll, oplockLevel: OplockLevel.BATCH };
    expect((await openFile(mount, "other", batch)).oplockLevel).toBe(OplockLevel.BATCH);
    const none = { ...mount, treeId: await mount.client.connectTree(mount.session, "none") };
    expect((await openFile(none, "file", batch)).oplockLevel).toBe(OplockLevel.NONE);
    mount.client.close();
  } finally {
    await plain.stop();
  }
});

test.skipIf(againstSmbd)(
  "CREATEs beyond `max waiting requests` are refused; those that wait succeed",
  async () => {
    const small = await startSubject({ parameters: { "max waiting requests": "3" } });
    try {
      const [holder, other] = [await mountLeasing(small), await mountLeasing(small)];
      await openLeased(holder, "crowded", leaseV2(1, RWH));
      const pending = [1, 2, 3, 4, 5].map(() => startOpen(other, "crowded"));
      await nextLeaseBreak(holder);
      for (const { reply } of pending.slice(3)) {
        expect((await reply).status).toBe(Status.INSUFFICIENT_RESOURCES);
      }
      await holder.client.outcome(leaseAck(holder, key(1), RH));
      for (const { reply } of pending.slice(0, 3)) expect((await reply).status).toBe(Status.SUCCESS);
      holder.client.close();
      other.client.close();
    } finally {
      await small.stop();
    }
  },
);
