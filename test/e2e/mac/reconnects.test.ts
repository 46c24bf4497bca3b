// Reconnects as macOS makes them: a mount for Time Machine fails as a whole where one durable open is gone
// (smbfs_node.c of Apple's SMBClient). A file may be open several times with one lease, which another client has
// broken and the Mac has asked for again.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { CreateDisposition, CreateOption, type CreateRequest } from "../../../src/wire/command/create.ts";
import { LockFlag } from "../../../src/wire/command/lock.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { EXCLUSIVE_NOW, lockOne } from "../client/lock-calls.ts";
import {
  finishOpen,
  key,
  leaseAck,
  leaseV2,
  leasingClient,
  nextLeaseBreak,
  RH,
  RWH,
  startOpen,
  withLease,
} from "../client/lease-rig.ts";
import {
  closeFile,
  type Mount,
  mountShare,
  openFile,
  READ_WRITE,
  readFile,
  writeFile,
} from "../client/raw-files.ts";
import type { RawSocket } from "../client/raw-socket.ts";
import { startServer } from "../client/server.ts";
import { MacFiles } from "./mac-files.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ shares: [{ name: "test", parameters: { "time machine": "yes" } }] });
});
afterAll(() => server?.stop());

class Mac {
  readonly clientGuid = new Uint8Array(randomBytes(16));
  mount!: Mount<RawSocket>;

  async logOn(previousSessionId = 0): Promise<this> {
    const user = { ...TESTER, previousSessionId };
    this.mount = await mountShare(server, user, "test", leasingClient(this.clientGuid));
    return this;
  }

  /** The connection is lost and made anew. */
  async comeBack(): Promise<void> {
    this.mount.client.close();
    await this.logOn(this.mount.session.id);
  }

  async open(name: string, leaseByte: number, desiredAccess = READ_WRITE): Promise<Held> {
    const createGuid = new Uint8Array(randomBytes(16));
    const { fileId, contexts } = await openFile(
      this.mount,
      name,
      withLease(leaseV2(leaseByte, RWH), {
        desiredAccess,
        createDisposition: CreateDisposition.OPEN_IF,
        createOptions: CreateOption.NON_DIRECTORY_FILE,
        contexts: { durableRequestV2: { timeoutMs: 120_000, flags: 0, createGuid } },
      }),
    );
    expect(contexts.durableV2?.timeoutMs).toBe(120_000);
    return { name, leaseByte, createGuid, fileId };
  }

  /** Asks for an open as it was, with the lease state that the Mac believes in. */
  async reconnect(held: Held, state = RWH): Promise<FileId> {
    const { fileId, createGuid, leaseByte, name } = held;
    const options: Partial<CreateRequest> = {
      desiredAccess: READ_WRITE,
      createDisposition: CreateDisposition.OPEN,
      contexts: { durableReconnectV2: { fileId, createGuid, flags: 0 } },
    };
    const again = await openFile(this.mount, name, withLease(leaseV2(leaseByte, state), options));
    expect(again.contexts.lease?.state).toBe(state);
    held.fileId = again.fileId;
    return again.fileId;
  }

  /** Asks for its lease again, as smbfs does: CREATE with the same key, and CLOSE, in one compound. */
  async upgrade(name: string, leaseByte: number): Promise<void> {
    const options = withLease(leaseV2(leaseByte, RWH), {
      desiredAccess: READ_WRITE,
      createDisposition: CreateDisposition.OPEN,
    });
    await new MacFiles(this.mount).within(name, options);
  }
}

interface Held {
  readonly name: string;
  readonly leaseByte: number;
  readonly createGuid: Uint8Array;
  fileId: FileId;
}

const bytes = (value: number): Uint8Array => new Uint8Array(1000).fill(value);

test("several opens of one file with one lease, some with locks, come back in any order", async () => {
  const mac = await new Mac().logOn();
  const opens = [await mac.open("token", 21), await mac.open("token", 21), await mac.open("token", 21)];
  const [shared, ...locking] = opens;
  if (shared === undefined) throw new Error("no open");
  await writeFile(mac.mount, shared.fileId, 0, bytes(1));
  for (const [i, { fileId }] of locking.entries())
    expect(await mac.mount.client.outcome(lockOne(mac.mount, fileId, 5000 + i, 1, EXCLUSIVE_NOW))).toBe(0);
  for (const order of [
    [2, 0, 1],
    [0, 1, 2],
  ]) {
    await mac.comeBack();
    for (const i of order) await mac.reconnect(opens[i] as Held);
  }
  expect(await readFile(mac.mount, shared.fileId, 0, 2000)).toEqual(bytes(1));
  const taken = lockOne(mac.mount, shared.fileId, 5000, 1, EXCLUSIVE_NOW);
  expect(await mac.mount.client.outcome(taken)).toBe(Status.LOCK_NOT_GRANTED);
  for (const [i, { fileId }] of locking.entries())
    expect(await mac.mount.client.outcome(lockOne(mac.mount, fileId, 5000 + i, 1, LockFlag.UNLOCK))).toBe(0);
  for (const { fileId } of opens) await closeFile(mac.mount, fileId);
  mac.mount.client.close();
});

test("an open whose lease another client broke and the Mac asked for again comes back", async () => {
  const mac = await new Mac().logOn();
  const held = await mac.open("band", 22);
  await writeFile(mac.mount, held.fileId, 0, bytes(2));
  const other = await new Mac().logOn();
  const pending = startOpen(other.mount, "band", { desiredAccess: Access.READ_DATA });
  expect((await nextLeaseBreak(mac.mount))?.newLeaseState).toBe(RH);
  expect(await mac.mount.client.outcome(leaseAck(mac.mount, key(22), RH))).toBe(0);
  const { fileId } = await finishOpen(pending);
  // With the lease that is left, while the other client has the file open.
  await mac.comeBack();
  await mac.reconnect(held, RH);
  await closeFile(other.mount, fileId);
  await mac.upgrade("band", 22);
  await mac.comeBack();
  await mac.reconnect(held);
  await writeFile(mac.mount, held.fileId, 1000, bytes(3));
  expect(await readFile(mac.mount, held.fileId, 0, 4000)).toEqual(new Uint8Array([...bytes(2), ...bytes(3)]));
  await closeFile(mac.mount, held.fileId);
  for (const { mount } of [mac, other]) mount.client.close();
});

test("many open bands come back together, with what was written to them", async () => {
  const mac = await new Mac().logOn();
  const bands: Held[] = [];
  for (let i = 0; i < 60; i++) bands.push(await mac.open(`band ${i}`, 40 + i));
  await Promise.all(bands.map(({ fileId }, i) => writeFile(mac.mount, fileId, 0, bytes(i))));
  await mac.comeBack();
  await Promise.all(bands.map((held) => mac.reconnect(held)));
  for (const [i, { fileId }] of bands.entries()) {
    expect(await readFile(mac.mount, fileId, 0, 1000)).toEqual(bytes(i));
    await closeFile(mac.mount, fileId);
  }
  mac.mount.client.close();
});
