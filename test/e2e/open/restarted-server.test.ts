// Durable handles outlive a restart of the server, as an upgrade does it: the server that ends leaves them to
// the next one, and their clients reconnect. [MS-SMB2] 3.3.5.9.7, 3.3.5.9.12.
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { OplockLevel, ShareAccess } from "../../../src/wire/command/create.ts";
import { LockFlag } from "../../../src/wire/command/lock.ts";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, TESTER2 } from "../../peer/test-server.ts";
import { expectOutcome } from "../client/attack-rig.ts";
import {
  bytes16,
  Durable,
  DURABLE_KINDS,
  type DurableKind,
  mountAs,
  tryOpen,
} from "../client/durable-rig.ts";
import { KillableServer } from "../client/killable-server.ts";
import {
  finishOpen,
  key,
  leaseAck,
  nextLeaseBreak,
  nextOplockBreak,
  oplockAck,
  RH,
  RWH,
  startOpen,
} from "../client/lease-rig.ts";
import { EXCLUSIVE_NOW, lockOne } from "../client/lock-calls.ts";
import { closeFile, type Mount, readFile, writeCall, writeFile } from "../client/raw-files.ts";

const BLOCK = 65_536;
const BY_LEASE: DurableKind = { version: 2, by: "lease" };
const BY_BATCH: DurableKind = { version: 1, by: "batch" };
const NOT_FOUND = Status.OBJECT_NAME_NOT_FOUND;

let server: KillableServer;
/** Of the file with the handles. */
let rights = 0;
const before = new Map<string, Durable>();
const firstHalf = new Uint8Array(randomBytes(BLOCK));

function nameOf({ version, by }: DurableKind): string {
  return `kept v${version} ${by}`;
}

function pathOf(name: string): string {
  return join(server.shares.get("test") ?? "", name);
}

async function hold(kind: DurableKind, name: string, timeoutMs = 0): Promise<Durable> {
  const durable = await new Durable(kind, name, server).open(timeoutMs);
  await writeFile(durable.mount, durable.fileId, 0, firstHalf);
  before.set(name, durable);
  return durable;
}

function held(name: string): Durable {
  const durable = before.get(name);
  if (durable === undefined) throw new Error(`${name} was not opened`);
  return durable;
}

async function restart(meanwhile: () => void = () => undefined): Promise<void> {
  expect(await server.end()).toBe(0);
  meanwhile();
  await server.start();
}

/** Where the server leaves the handles: beside its lock file. */
function opensFile(): string {
  return `${server.lock}.opens`;
}

beforeAll(async () => {
  server = await KillableServer.start({ users: [TESTER, TESTER2] });
  for (const kind of DURABLE_KINDS) {
    const { mount, fileId } = await hold(kind, nameOf(kind));
    expect(await mount.client.outcome(lockOne(mount, fileId, 100, 50, EXCLUSIVE_NOW))).toBe(0);
  }
  for (const name of ["owned", "changed", "replaced", "taken", "gone"]) await hold(BY_LEASE, name);
  await hold(BY_BATCH, "changed by batch");
  await hold(BY_LEASE, "over", 1);
  // One whose client was away already, and has most of its time left.
  (await hold(BY_LEASE, "away")).cut();
  await restart(() => {
    rights = (statSync(opensFile(), { throwIfNoEntry: false })?.mode ?? 0) & 0o777;
    writeFileSync(pathOf("changed"), "another program was here");
    writeFileSync(pathOf("changed by batch"), firstHalf);
    writeFileSync(pathOf("other"), firstHalf);
    renameSync(pathOf("other"), pathOf("replaced"));
    renameSync(pathOf("gone"), pathOf("moved away"));
  });
}, 60_000);
afterAll(() => server?.stop());

/** Opens the file as another client; the holder acknowledges the oplock or lease break. */
async function openBeside(durable: Durable, other: Mount) {
  const pending = startOpen(other, durable.name);
  const { mount, fileId, kind } = durable;
  if (kind.by === "batch") {
    expect((await nextOplockBreak(mount))?.level).toBe(OplockLevel.II);
    expect(await mount.client.outcome(oplockAck(mount, fileId, OplockLevel.II))).toBe(0);
  } else {
    expect((await nextLeaseBreak(mount))?.newLeaseState).toBe(RH);
    expect(await mount.client.outcome(leaseAck(mount, key(durable.leaseByte), RH))).toBe(0);
  }
  return (await finishOpen(pending)).fileId;
}

test("the file with the handles is its owner's alone, and the next server takes it away", async () => {
  expect(rights).toBe(0o600);
  // The kernel accepts connections before the server has come to its next step.
  (await mountAs(server, bytes16())).client.close();
  expect(existsSync(opensFile())).toBe(false);
});

describe.each(DURABLE_KINDS)("after a restart, a handle of version $version by $by", (kind) => {
  test("is reconnected with the same FileId, goes on at the next offset, and has its locks and caching rights", async () => {
    const durable = held(nameOf(kind));
    const { fileId } = durable;
    const again = await durable.resume();
    expect(again.fileId).toEqual(fileId);
    expect(again.oplockLevel).toBe(kind.by === "batch" ? OplockLevel.BATCH : OplockLevel.LEASE);
    if (kind.by === "lease")
      expect(again.contexts.lease).toMatchObject({
        state: RWH,
        epoch: durable.created.contexts.lease?.epoch,
      });
    const { mount } = durable;
    const secondHalf = new Uint8Array(randomBytes(BLOCK));
    expect(await writeFile(mount, fileId, BLOCK, secondHalf)).toBe(BLOCK);
    expect(await readFile(mount, fileId, 0, BLOCK)).toEqual(firstHalf);
    const other = await mountAs(server, bytes16());
    const beside = await openBeside(durable, other);
    const byte = new Uint8Array(1);
    expectOutcome(await other.client.outcome(writeCall(other, beside, 120, byte)), Status.FILE_LOCK_CONFLICT);
    expectOutcome(
      await other.client.outcome(lockOne(other, beside, 149, 1, EXCLUSIVE_NOW)),
      Status.LOCK_NOT_GRANTED,
    );
    const unlock = lockOne(mount, fileId, 100, 50, LockFlag.UNLOCK);
    expectOutcome(await mount.client.outcome(unlock), Status.SUCCESS);
    expectOutcome(await mount.client.outcome(unlock), Status.RANGE_NOT_LOCKED);
    await closeFile(mount, fileId);
    expect(readFileSync(pathOf(durable.name))).toEqual(Buffer.concat([firstHalf, secondHalf]));
    mount.client.close();
    other.client.close();
  });
});

test("after a restart, a handle is refused to another user, and its own user gets it", async () => {
  const durable = held("owned");
  const thief = await mountAs(server, durable.clientGuid, TESTER2);
  expectOutcome(await tryOpen(thief, durable.name, durable.reconnect()), Status.ACCESS_DENIED);
  thief.client.close();
  await durable.resume();
  durable.cut();
});

test("after a restart, a handle whose client was away before is reconnected", async () => {
  expect((await held("away").resume()).fileId).toEqual(held("away").fileId);
  held("away").cut();
});

test.each([
  ["changed", "that a local program has written meanwhile"],
  ["changed by batch", "that a local program has written with the same data"],
  ["replaced", "that another file has replaced"],
  ["gone", "that was renamed meanwhile"],
  ["over", "whose time-out has passed meanwhile"],
])("after a restart, the handle '%s' of a file %s is not reconnected", async (name) => {
  const durable = held(name);
  const mount = await durable.comeBack();
  expectOutcome(await tryOpen(mount, name, durable.reconnect()), NOT_FOUND);
  mount.client.close();
});

test("after a restart, a client that opens the file before its holder is back gets it with all caching", async () => {
  const durable = held("taken");
  const other = new Durable(BY_LEASE, durable.name, server);
  await other.open(0, { shareAccess: ShareAccess.READ });
  expect(other.created.contexts.lease?.state).toBe(RWH);
  const mount = await durable.comeBack();
  expectOutcome(await tryOpen(mount, durable.name, durable.reconnect()), NOT_FOUND);
  mount.client.close();
  other.cut();
});

test("two handles of one lease are both reconnected, also after data was written through the first", async () => {
  const first = await hold(BY_LEASE, "twice");
  const second = new Durable(BY_LEASE, "twice", server);
  Object.assign(second, { clientGuid: first.clientGuid, leaseByte: first.leaseByte });
  await second.open();
  await restart();
  await first.resume();
  await writeFile(first.mount, first.fileId, BLOCK, firstHalf);
  expect((await second.resume()).contexts.lease?.state).toBe(RWH);
  expect(await readFile(second.mount, second.fileId, BLOCK, BLOCK)).toEqual(firstHalf);
  first.cut();
  second.cut();
});

test("a copy with writes on the way goes on after two restarts, and has all its bytes", async () => {
  const durable = await hold(BY_LEASE, "copied");
  const data = new Uint8Array(randomBytes(64 * BLOCK));
  const piece = (index: number): Uint8Array => data.subarray(index * BLOCK, (index + 1) * BLOCK);
  for (let at = 0; at < 16; at++) await writeFile(durable.mount, durable.fileId, at * BLOCK, piece(at));
  const { mount } = durable;
  for (let at = 16; at < 24; at++)
    mount.client.start(writeCall(mount, durable.fileId, at * BLOCK, piece(at)));
  await restart();
  await restart();
  await durable.resume();
  for (let at = 16; at < 64; at++) await writeFile(durable.mount, durable.fileId, at * BLOCK, piece(at));
  await closeFile(durable.mount, durable.fileId);
  durable.cut();
  expect(Buffer.compare(readFileSync(pathOf("copied")), data)).toBe(0);
});

// Linux' client (6.1) gives up a WRITE in the middle of which the connection is reset, and repeats it after an end.
test("a client that goes on sending when the server ends receives the end, and no reset", async () => {
  const events: string[] = [];
  const plain = connect(server.port, server.host);
  plain.on("error", (error) => events.push(error.message));
  const isOver = new Promise((resolve) => plain.on("close", resolve));
  // A message that has a length, and then comes byte by byte.
  plain.write(new Uint8Array([0, 0, 0xff, 0xff]));
  const sending = setInterval(() => plain.write(new Uint8Array(1)), 1);
  plain.on("end", () => {
    events.push("end");
    clearInterval(sending);
    plain.end();
  });
  plain.resume();
  (await mountAs(server, bytes16())).client.close();
  const ended = server.end();
  await isOver;
  expect(await ended).toBe(0);
  expect(events).toEqual(["end"]);
  await server.start();
});

test("a file that no server has left is reported, and the server starts without handles", async () => {
  await hold(BY_LEASE, "damaged");
  await restart(() => {
    const bytes = readFileSync(opensFile());
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    writeFileSync(opensFile(), bytes);
  });
  const durable = held("damaged");
  const mount = await durable.comeBack();
  expectOutcome(await tryOpen(mount, durable.name, durable.reconnect()), NOT_FOUND);
  expect(server.log()).toContain(
    "the durable opens that the server before has left cannot be read (wrong checksum)",
  );
  mount.client.close();
});

test("after a restart that made the share read-only, a handle reads and does not write", async () => {
  const conf = join(server.directory, "conf");
  const durable = await hold(BY_LEASE, "read-only now");
  await restart(() =>
    writeFileSync(conf, readFileSync(conf, "utf8").replace("read only = no", "read only = yes")),
  );
  await durable.resume();
  const { mount, fileId } = durable;
  expect(await readFile(mount, fileId, 0, BLOCK)).toEqual(firstHalf);
  expectOutcome(await mount.client.outcome(writeCall(mount, fileId, 0, firstHalf)), Status.ACCESS_DENIED);
  durable.cut();
});
