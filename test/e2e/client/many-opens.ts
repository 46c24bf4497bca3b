// A client with thousands of opens, each with a lease and locks, for what happens when it leaves.
import { decodeCreateResponse } from "../../../src/wire/command/create.ts";
import type { LockElement } from "../../../src/wire/command/lock.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { Command } from "../../../src/wire/header.ts";
import { Status } from "../../../src/wire/status.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { leaseV2, mountLeasing, RWH, withLease } from "./lease-rig.ts";
import { element, EXCLUSIVE_NOW, lockCall } from "./lock-calls.ts";
import { StatusError } from "./raw-client.ts";
import { callOn, createCall, type Mount } from "./raw-files.ts";
import { gather } from "./worst-frames.ts";

const AT_ONCE = 100;
const LOCKS = Array.from({ length: 8 }, (_, i) => element(i * 10, 5, EXCLUSIVE_NOW));

/** Opens that many files of its own, `held 0` and so on, with a lease and eight locks each, and 9,000 on the first. */
export async function mountWithOpens(server: TestServer, count: number): Promise<Mount> {
  const mount = await mountLeasing(server);
  const opens: FileId[] = [];
  for (let from = 0; from < count; from += AT_ONCE) {
    await gather(mount, 2 * AT_ONCE);
    const made = Array.from({ length: AT_ONCE }, (_, i) => openWithLease(mount, from + i));
    opens.push(...(await Promise.all(made)));
  }
  for (let from = 0; from < count; from += AT_ONCE) {
    await gather(mount, 2 * AT_ONCE);
    const some = opens.slice(from, from + AT_ONCE);
    await Promise.all(some.map((id) => mount.client.demand("LOCK", lockCall(mount, id, LOCKS))));
  }
  const [first] = opens;
  for (let i = 0; i < 18 && first !== undefined; i++) {
    await gather(mount, 2);
    await mount.client.demand("LOCK", lockCall(mount, first, manyLocks(i * 500)));
  }
  return mount;
}

function manyLocks(from: number): LockElement[] {
  return Array.from({ length: 500 }, (_, i) => element(1000 + (from + i) * 10, 5, EXCLUSIVE_NOW));
}

async function openWithLease(mount: Mount, index: number): Promise<FileId> {
  const key = new Uint8Array(16);
  new DataView(key.buffer).setUint32(0, index + 1);
  const call = createCall(mount, `held ${index}`, withLease({ ...leaseV2(1, RWH), key }));
  const reply = await mount.client.request({ ...call, room: 1024 });
  if (reply.status !== Status.SUCCESS) throw new StatusError("CREATE", reply.status);
  return decodeCreateResponse(reply.message).fileId;
}

export async function logOff(mount: Mount): Promise<void> {
  const call = callOn(mount, Command.LOGOFF, (writer) => {
    writer.u16(4);
    writer.u16(0);
  });
  await mount.client.demand("LOGOFF", call);
}
