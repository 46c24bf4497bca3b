// Durable handles: only the owner can reconnect one, another client's open or the time-out closes it, and a
// replayed CREATE finds it; [MS-SMB2] 3.3.5.9.6, .7, .10, .12, 3.3.2.2.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  type CreateRequest,
  decodeCreateResponse,
  OplockLevel,
  ShareAccess,
} from "../../../src/wire/command/create.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { HeaderFlag } from "../../../src/wire/header.ts";
import { LockFlag } from "../../../src/wire/command/lock.ts";
import { Status } from "../../../src/wire/status.ts";
import { againstSmbd, startSubject } from "../../peer/start.ts";
import { TESTER, TESTER2, type TestServer, type User } from "../../peer/test-server.ts";
import { expectOutcome } from "../client/attack-rig.ts";
import {
  finishOpen,
  key,
  leaseAck,
  leaseV2,
  nextLeaseBreak,
  nextOplockBreak,
  oplockAck,
  RH,
  RWH,
  startOpen,
} from "../client/lease-rig.ts";
import {
  bytes16,
  Durable as DurableOn,
  DURABLE_KINDS,
  type DurableKind,
  mountAs as mountOn,
  tryOpen,
} from "../client/durable-rig.ts";
import { EXCLUSIVE_NOW, lockOne } from "../client/lock-calls.ts";
import {
  closeFile,
  createCall,
  type Mount,
  openFile,
  readFile,
  writeCall,
  writeFile,
} from "../client/raw-files.ts";
import type { Place, RawSocket } from "../client/raw-socket.ts";
import { readTables } from "../client/server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startSubject({ users: [TESTER, TESTER2] });
});
afterAll(async () => {
  await server?.stop();
});

const NOT_FOUND = Status.OBJECT_NAME_NOT_FOUND;

/** A durable handle on the server of these tests. */
class Durable extends DurableOn {
  constructor(kind: DurableKind, name: string, at: Place = server) {
    super(kind, name, at);
  }
}

function mountAs(clientGuid: Uint8Array, user: User = TESTER): Promise<Mount<RawSocket>> {
  return mountOn(server, clientGuid, user);
}

/** Opens the file as another client; the holder acknowledges the oplock or lease break. */
async function openBeside(durable: Durable, other: Mount): Promise<FileId> {
  const pending = startOpen(other, durable.name);
  const { mount } = durable;
  if (durable.kind.by === "batch") {
    expect((await nextOplockBreak(mount))?.level).toBe(OplockLevel.II);
    expect(await mount.client.outcome(oplockAck(mount, durable.fileId, OplockLevel.II))).toBe(0);
  } else {
    expect((await nextLeaseBreak(mount))?.newLeaseState).toBe(RH);
    expect(await mount.client.outcome(leaseAck(mount, key(durable.leaseByte), RH))).toBe(0);
  }
  return (await finishOpen(pending)).fileId;
}

describe.each(DURABLE_KINDS)("version $version by $by", (kind) => {
  const nameOf = (what: string): string => `${what} v${kind.version} ${kind.by}`;

  test("a reconnected handle has its data, locks and caching rights", async () => {
    const durable = await new Durable(kind, nameOf("kept")).open();
    const data = new Uint8Array(randomBytes(1000));
    await writeFile(durable.mount, durable.fileId, 0, data);
    const { client } = durable.mount;
    expect(await client.outcome(lockOne(durable.mount, durable.fileId, 100, 50, EXCLUSIVE_NOW))).toBe(0);
    durable.cut();
    const again = await durable.resume();
    expect(again.oplockLevel).toBe(kind.by === "batch" ? OplockLevel.BATCH : OplockLevel.LEASE);
    if (kind.by === "lease") expect(again.contexts.lease?.state).toBe(RWH);
    expect(again.fileId.persistentLow).toBe(durable.created.fileId.persistentLow);
    const { mount } = durable;
    expect(await readFile(mount, durable.fileId, 0, 2000)).toEqual(data);
    const other = await mountAs(bytes16());
    const beside = await openBeside(durable, other);
    expectOutcome(await other.client.outcome(writeCall(other, beside, 120, data)), Status.FILE_LOCK_CONFLICT);
    expectOutcome(
      await other.client.outcome(lockOne(other, beside, 149, 1, EXCLUSIVE_NOW)),
      Status.LOCK_NOT_GRANTED,
    );
    const unlock = lockOne(mount, durable.fileId, 100, 50, LockFlag.UNLOCK);
    expectOutcome(await mount.client.outcome(unlock), Status.SUCCESS);
    expectOutcome(await mount.client.outcome(unlock), Status.RANGE_NOT_LOCKED);
    expect(await writeFile(other, beside, 120, data)).toBe(data.length);
    await closeFile(mount, durable.fileId);
    mount.client.close();
    other.client.close();
  });

  test("a reconnect fails unless user, client, FileId, GUID, lease and name are the owner's", async () => {
    const durable = await new Durable(kind, nameOf("owned")).open();
    // Even the owner cannot reconnect a handle that is still connected.
    expectOutcome(await tryOpen(durable.mount, durable.name, durable.reconnect()), NOT_FOUND);
    durable.cut();
    const thief = await mountAs(durable.clientGuid, TESTER2);
    // smbd does not reveal that the handle exists.
    const denied = againstSmbd ? NOT_FOUND : Status.ACCESS_DENIED;
    expectOutcome(await tryOpen(thief, durable.name, durable.reconnect()), denied);
    thief.client.close();
    if (kind.by === "lease") {
      const stranger = await mountAs(bytes16());
      expectOutcome(await tryOpen(stranger, durable.name, durable.reconnect()), NOT_FOUND);
      stranger.client.close();
    }
    const mount = await durable.comeBack();
    const tryWith = (options: Partial<CreateRequest>, name = durable.name) => tryOpen(mount, name, options);
    const unknown = { ...durable.fileId, persistentLow: durable.fileId.persistentLow + 1000 };
    expectOutcome(await tryWith(durable.reconnect({ fileId: unknown })), NOT_FOUND);
    const high = { ...durable.fileId, persistentHigh: durable.fileId.persistentHigh ^ 1 };
    expectOutcome(await tryWith(durable.reconnect({ fileId: high })), NOT_FOUND);
    if (kind.version === 2)
      expectOutcome(await tryWith(durable.reconnect({ createGuid: bytes16() })), NOT_FOUND);
    const asked = durable.reconnect();
    if (kind.by === "lease") {
      const lease = leaseV2(durable.leaseByte ^ 1, RWH);
      expectOutcome(await tryWith({ ...asked, contexts: { ...asked.contexts, lease } }), NOT_FOUND);
      const { lease: _, ...without } = asked.contexts ?? {};
      expectOutcome(
        await tryWith({ ...asked, oplockLevel: OplockLevel.BATCH, contexts: without }),
        NOT_FOUND,
      );
      expectOutcome(await tryWith(asked, "another name"), Status.INVALID_PARAMETER);
    } else {
      const contexts = { ...asked.contexts, lease: leaseV2(1, RWH) };
      expectOutcome(await tryWith({ ...asked, oplockLevel: OplockLevel.LEASE, contexts }), NOT_FOUND);
    }
    const mixed: Partial<CreateRequest>["contexts"] =
      kind.version === 2
        ? { ...asked.contexts, durableRequest: true }
        : { ...asked.contexts, durableRequestV2: { timeoutMs: 0, flags: 0, createGuid: bytes16() } };
    expectOutcome(await tryWith({ ...asked, contexts: mixed }), Status.INVALID_PARAMETER);
    // After all these attempts the owner can still reconnect the handle, once.
    expectOutcome(await tryWith(asked), Status.SUCCESS);
    expectOutcome(await tryWith(asked), NOT_FOUND);
    mount.client.close();
  });

  test("a client that reconnects with the FileId of another client's handle fails", async () => {
    const victim = await new Durable(kind, nameOf("victim")).open();
    const attacker = new Durable(kind, nameOf("attacker"));
    await attacker.open();
    victim.cut();
    attacker.cut();
    const mount = await attacker.comeBack();
    const outcome = await tryOpen(mount, attacker.name, attacker.reconnect({ fileId: victim.fileId }));
    // A version 1 reconnect with an oplock is checked by FileId and user alone: the same user may succeed.
    if (kind.version === 1 && kind.by === "batch") expectOutcome(outcome, Status.SUCCESS, NOT_FOUND);
    else {
      expectOutcome(outcome, NOT_FOUND);
      await victim.resume();
    }
    mount.client.close();
    victim.cut();
  });

  test("a conflicting open closes the handle of a disconnected client within a second", async () => {
    const durable = await new Durable(kind, nameOf("vanished")).open(0, { shareAccess: 0 });
    durable.cut();
    const other = await mountAs(bytes16());
    const startedMs = performance.now();
    const { reply } = startOpen(other, durable.name, { shareAccess: ShareAccess.READ });
    expectOutcome((await reply).status, Status.SUCCESS);
    expect(performance.now() - startedMs).toBeLessThan(1000);
    const mount = await durable.comeBack();
    expectOutcome(await tryOpen(mount, durable.name, durable.reconnect()), NOT_FOUND);
    mount.client.close();
    other.client.close();
  });

  test("a client that loses its connection during a write reconnects and completes the file", async () => {
    const PIECE = 65_536;
    const data = new Uint8Array(randomBytes(8 * 1024 * 1024));
    const durable = await new Durable(kind, nameOf("resumed")).open();
    const piece = (index: number): Uint8Array => data.subarray(index * PIECE, (index + 1) * PIECE);
    const count = data.length / PIECE;
    const middle = count / 2;
    for (let i = 0; i < middle; i++) await writeFile(durable.mount, durable.fileId, i * PIECE, piece(i));
    const { mount } = durable;
    for (let i = middle; i < middle + 4; i++)
      mount.client.start(writeCall(mount, durable.fileId, i * PIECE, piece(i)));
    // Sends only a part of the last request, so that the connection ends in the middle of a message.
    const { bytes } = mount.client.build(
      writeCall(mount, durable.fileId, (middle + 4) * PIECE, piece(middle + 4)),
    );
    const frame = new Uint8Array(4 + bytes.length);
    new DataView(frame.buffer).setUint32(0, bytes.length);
    frame.set(bytes, 4);
    mount.client.socket.send(frame.subarray(0, 30_000));
    durable.cut();
    await durable.resume();
    for (let i = middle; i < count; i++) await writeFile(durable.mount, durable.fileId, i * PIECE, piece(i));
    await closeFile(durable.mount, durable.fileId);
    durable.cut();
    const onDisk = readFileSync(join(server.shares.get("test") ?? "", durable.name));
    expect(Buffer.compare(onDisk, data)).toBe(0);
  });
});

test("a replayed CREATE gets the handle it made, until the client uses that handle", async () => {
  const durable = await new Durable({ version: 2, by: "lease" }, "replayed").open();
  const { mount } = durable;
  const call = createCall(mount, durable.name, durable.request());
  const replay = { ...call, flags: HeaderFlag.REPLAY_OPERATION };
  expectOutcome(await mount.client.outcome(call), Status.DUPLICATE_OBJECTID);
  const answer = decodeCreateResponse((await mount.client.demand("replay", replay)).message);
  expect(answer.fileId).toEqual(durable.fileId);
  expect(answer.createAction).toBe(durable.created.createAction);
  expect(answer.contexts.durableV2).toEqual(durable.created.contexts.durableV2);
  const request = durable.request();
  const foreignKey = {
    ...request,
    contexts: { ...request.contexts, lease: leaseV2(durable.leaseByte ^ 1, RWH) },
  };
  expectOutcome(
    await mount.client.outcome({
      ...createCall(mount, durable.name, foreignKey),
      flags: HeaderFlag.REPLAY_OPERATION,
    }),
    Status.ACCESS_DENIED,
  );
  // CreateGuid is looked up per client: another client's CREATE with the same value makes a new open.
  const other = await mountAs(bytes16());
  const apart = await openFile(other, "replayed elsewhere", durable.request());
  expect(apart.fileId).not.toEqual(durable.fileId);
  await writeFile(mount, durable.fileId, 0, new Uint8Array(10));
  // 3.3.5.9.10 searches only the opens that are eligible for replay; the WRITE ended this one's eligibility.
  const fresh = decodeCreateResponse((await mount.client.demand("replay after use", replay)).message);
  expect(fresh.fileId).not.toEqual(durable.fileId);
  expect(await writeFile(mount, durable.fileId, 0, new Uint8Array(10))).toBe(10);
  mount.client.close();
  other.client.close();
});

test.skipIf(againstSmbd)(
  "the server closes a handle that no client reconnects before its time-out",
  async () => {
    const own = await startSubject();
    try {
      const place = { host: own.host, port: own.port };
      const durable = await new Durable({ version: 2, by: "batch" }, "expired", own).open(1000);
      expect(durable.created.contexts.durableV2?.timeoutMs).toBe(1000);
      const { mount, fileId } = durable;
      expect(await mount.client.outcome(lockOne(mount, fileId, 0, 1, EXCLUSIVE_NOW))).toBe(0);
      durable.cut();
      const held = await readTables(place, own.log);
      expect(held).toMatch(/^opens=1 files=1 sessions=0 locks=1 leases=0 .*detached=1 buffers=0$/);
      const end = performance.now() + 8000;
      let tables = held;
      while (tables === held && performance.now() < end) tables = await readTables(place, own.log);
      expect(tables).toMatch(/^opens=0 files=0 sessions=0 locks=0 .*detached=0 buffers=0$/);
    } finally {
      await own.stop();
    }
  },
  15_000,
);
