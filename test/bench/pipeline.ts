// Keeps a number of READ or WRITE requests in flight and counts the responses, with as little work in the
// client as possible. [MS-SMB2] 3.2.4.6, 3.2.4.7. Signatures and tags of responses are not verified, for both
// servers alike.
import { createDecipheriv } from "node:crypto";
import { Writer } from "../../src/wire/cursor.ts";
import { HEADER_SIZE, HeaderOffset, set64 } from "../../src/wire/header.ts";
import { Cipher } from "../../src/wire/context/negotiate-context.ts";
import { ReadRequestOffset } from "../../src/wire/command/read.ts";
import { Status, statusName } from "../../src/wire/status.ts";
import { TRANSFORM_SIZE, TransformOffset } from "../../src/wire/transform.ts";
import { WriteRequestOffset } from "../../src/wire/command/write.ts";
import type { Call } from "../e2e/client/raw-calls.ts";
import type { RawClient } from "../e2e/client/raw-client.ts";
import type { RawSession } from "../e2e/client/raw-session.ts";
import type { FastSocket } from "./fast-socket.ts";

const FRAME_HEAD = 4;

/** READ and WRITE requests have the file offset at the same position. */
const FILE_OFFSET = ReadRequestOffset.OFFSET;
if (FILE_OFFSET !== WriteRequestOffset.OFFSET) throw new Error("READ and WRITE differ");

interface Slot {
  /** The request as it was built; encryption in place works on a copy. */
  readonly plain: Uint8Array;
  /** The bytes to send: four bytes of length, then the request, encrypted or not. */
  readonly frame: Uint8Array;
}

export interface Transfer {
  readonly client: RawClient<FastSocket>;
  readonly session: RawSession;
  /** The request, of which each copy gets its own file offset. */
  readonly call: Call;
  readonly count: number;
  readonly depth: number;
  /** The file offset of request number `index`. */
  readonly offsetOf: (index: number) => number;
  /** Minimum size in bytes of a successful response, without transform header. */
  readonly leastAnswer: number;
}

/**
 * Sends `count` requests with `depth` in flight. Returns the seconds it took. Throws when a request fails.
 */
export async function runTransfer(transfer: Transfer): Promise<number> {
  const { client, session, count, depth } = transfer;
  const charge = Math.max(1, transfer.call.creditCharge ?? 1);
  await gatherCredits(transfer, depth * charge);
  const slots = Array.from({ length: Math.min(depth, count) }, () => makeSlot(transfer));
  const slotOf = new Map<number, Slot>();
  const openHead = makeHeadOpener(session);
  let next = 0;
  let done = 0;
  const send = (slot: Slot): void => {
    const messageId = client.nextMessageId;
    client.nextMessageId += charge;
    slotOf.set(messageId, slot);
    fillSlot(slot, session, messageId, transfer.offsetOf(next++));
    client.socket.send(slot.frame);
  };
  const start = performance.now();
  await new Promise<void>((resolve, reject) => {
    void client.socket.closed.then(() => reject(new Error("connection closed")));
    client.socket.onHead = (head, length) => {
      const message = openHead(head);
      const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
      const status = view.getUint32(HeaderOffset.STATUS, true);
      if (status === Status.PENDING) return;
      const messageId = view.getUint32(HeaderOffset.MESSAGE_ID, true);
      const slot = slotOf.get(messageId);
      slotOf.delete(messageId);
      if (status !== Status.SUCCESS || slot === undefined || length < transfer.leastAnswer) {
        reject(new Error(`answer ${done}: ${statusName(status)}, ${length} bytes`));
        return;
      }
      done++;
      if (next < count) send(slot);
      else if (done === count) resolve();
    };
    for (const slot of slots) send(slot);
  });
  client.socket.onHead = undefined;
  return (performance.now() - start) / 1000;
}

/** Sends ECHO requests until the client has `wanted` credits and some spare ones. Throws if that fails. */
async function gatherCredits({ client, session, call }: Transfer, wanted: number): Promise<void> {
  for (let attempt = 0; client.credits < wanted + 32 && attempt < 50; attempt++) {
    await client.request({
      command: 0x0d,
      session,
      treeId: call.treeId ?? 0,
      credits: 512,
      body: (writer: Writer) => writer.u32(4),
    });
  }
  if (client.credits < wanted) throw new Error(`${client.credits} credits, ${wanted} wanted`);
}

function makeSlot({ client, session, call }: Transfer): Slot {
  // Each response grants the credits that its request consumed, so the window keeps its size.
  const charge = call.creditCharge ?? 1;
  const { bytes: plain } = client.build({ ...call, messageId: 0, credits: charge, sign: false });
  const overhead = session.seals ? TRANSFORM_SIZE : 0;
  const frame = new Uint8Array(FRAME_HEAD + overhead + plain.length);
  new DataView(frame.buffer).setUint32(0, overhead + plain.length);
  frame.set(plain, FRAME_HEAD + overhead);
  return { plain, frame };
}

function fillSlot(slot: Slot, session: RawSession, messageId: number, offset: number): void {
  const target = session.seals ? slot.plain : slot.frame.subarray(FRAME_HEAD);
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  set64(view, HeaderOffset.MESSAGE_ID, messageId);
  set64(view, FILE_OFFSET, offset);
  if (session.seals) session.sealInto(slot.frame.subarray(FRAME_HEAD), slot.plain);
  else if (session.signs) session.sign(target);
}

/** Returns a function from a response's first bytes to its SMB2 header, which it decrypts if necessary. */
function makeHeadOpener(session: RawSession): (head: Uint8Array) => Uint8Array {
  if (!session.seals) return (head) => head;
  const { cipher } = session.algorithms;
  if (cipher !== Cipher.AES_128_GCM && cipher !== Cipher.AES_256_GCM)
    throw new Error("the benchmark supports AES-GCM only");
  const name = cipher === Cipher.AES_128_GCM ? "aes-128-ctr" : "aes-256-ctr";
  const key = session.keys.encryptionKey;
  const counter = new Uint8Array(16);
  return (head) => {
    // GCM encrypts in counter mode, and its first data block has the counter 2: NIST SP 800-38D 6.5, 7.1.
    counter.set(head.subarray(TransformOffset.NONCE, TransformOffset.NONCE + 12));
    counter[15] = 2;
    const decipher = createDecipheriv(name, key, counter);
    return decipher.update(head.subarray(TRANSFORM_SIZE, TRANSFORM_SIZE + HEADER_SIZE));
  };
}
