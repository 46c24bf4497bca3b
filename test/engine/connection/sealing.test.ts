// Encrypted messages, by those of smbclient, smbd and Windows; [MS-SMB2] 2.2.41, 3.1.4.3, 3.3.5.2.1.1.
import { describe, expect, test } from "bun:test";
import { NonceSequence } from "../../../src/crypto/nonce.ts";
import { pureProvider as provider } from "../../../src/crypto/pure.ts";
import { openSealed, sealReply } from "../../../src/engine/connection/sealing.ts";
import { type SealKeys, type Session, SessionState } from "../../../src/engine/state/session.ts";
import { BufferPool, HEAD_ROOM, type PooledBuffer } from "../../../src/engine/transport/buffer-pool.ts";
import { get64 } from "../../../src/wire/header.ts";
import sealedMessages from "../../vectors/crypto/sealed-messages.json";
import { addSession, FakeConnection } from "./connection-rig.ts";
import { fromHex, SAMBA_SESSIONS, toHex } from "./recorded-sessions.ts";

const TRANSFORM_SIZE = 52;
const NONCE = 20;
const ORIGINAL_SIZE = 36;
const FLAGS = 42;
const SESSION_ID = 44;

/** The nonce of a recorded reply instead of the next one. */
class RecordedNonce extends NonceSequence {
  private readonly recorded: Uint8Array;
  constructor(message: Uint8Array) {
    super();
    this.recorded = message.slice(NONCE, NONCE + 16);
  }
  override next(nonce: Uint8Array): boolean {
    nonce.set(this.recorded.subarray(0, nonce.length));
    return true;
  }
}

interface Recorded {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly keys: SealKeys;
}

const REQUESTS: Recorded[] = [];
const REPLIES: Recorded[] = [];
for (const { name, keys, messages } of SAMBA_SESSIONS) {
  for (const { bytes, isReply } of messages) {
    if (bytes[0] !== 0xfd || keys.sealing === undefined) continue;
    (isReply ? REPLIES : REQUESTS).push({ name: `Samba, ${name}`, bytes, keys: keys.sealing });
  }
}
for (const { dialect, cipher, fromServer, key, sealed } of sealedMessages.cases) {
  const aead = cipher === "ccm" ? provider.aesCcm(fromHex(key)) : provider.aesGcm(fromHex(key));
  const aeadKey = { cipher: 0, bytes: fromHex(key) };
  const keys = { seal: aead, open: aead, sealKey: aeadKey, openKey: aeadKey, nonces: new NonceSequence() };
  const recorded = { name: `Windows, ${dialect}, ${cipher}`, bytes: fromHex(sealed), keys };
  // The unused bytes of Nonce in the reply of 3.0 are not zero, as this server writes them.
  if (!fromServer) REQUESTS.push(recorded);
  else if (dialect === "3.1.1") REPLIES.push(recorded);
}

function openFrame(
  connection: FakeConnection,
  frame: Uint8Array,
  length = frame.length - 3,
): Session | undefined {
  return openSealed(connection, frame, new DataView(frame.buffer), 3, length);
}

/** A connection with the session of `recorded`, and a frame with its message at the offset 3. */
function prepare({ bytes, keys }: Recorded): [FakeConnection, Session, Uint8Array] {
  const connection = new FakeConnection();
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const session = addSession(connection, get64(view, SESSION_ID));
  session.sealing = keys;
  const frame = new Uint8Array(bytes.length + 3);
  frame.set(bytes, 3);
  return [connection, session, frame];
}

test("the vectors have requests and replies with AES-CCM and AES-GCM", () => {
  expect(REQUESTS.length).toBeGreaterThanOrEqual(6);
  expect(REPLIES.length).toBeGreaterThanOrEqual(3);
});

describe("openSealed, 3.3.5.2.1.1", () => {
  test.each(REQUESTS)("decrypts a request of $name", (recorded) => {
    const [connection, session, frame] = prepare(recorded);
    expect(openFrame(connection, frame)).toBe(session);
    expect(toHex(frame.subarray(3 + TRANSFORM_SIZE, 3 + TRANSFORM_SIZE + 4))).toBe("fe534d42");
  });

  test.each(REQUESTS)("refuses a request of $name with any byte changed", (recorded) => {
    const [connection, , original] = prepare(recorded);
    // ProtocolId is the caller's to check.
    for (let at = 3 + 4; at < original.length; at++) {
      const frame = original.slice();
      frame[at] = (frame[at] ?? 0) ^ 0x20;
      expect(openFrame(connection, frame)).toBeUndefined();
    }
  });

  const [sample] = REQUESTS;
  if (sample === undefined) throw new Error("no recorded request");

  test.each([
    ["shorter than transform and SMB2 header", 0, TRANSFORM_SIZE + 63],
    ["with an OriginalMessageSize of another length", ORIGINAL_SIZE, undefined],
    ["with Flags other than 1", FLAGS, undefined],
    ["of an unknown session", SESSION_ID, undefined],
  ] as const)("refuses a message %s", (_, at, length) => {
    const [connection, session, frame] = prepare(sample);
    // Any tag passes: the header's fields are checked for themselves.
    const open = { nonceLength: 12, seal: () => undefined, open: () => true };
    session.sealing = { ...roundTripKeys(), open };
    frame.set(fromHex("fe534d42"), 3 + TRANSFORM_SIZE);
    expect(openFrame(connection, frame)).toBe(session);
    if (at > 0) frame[3 + at] = (frame[3 + at] ?? 0) + 1;
    expect(openFrame(connection, frame, length)).toBeUndefined();
  });

  test.each([
    [
      "before NEGOTIATE",
      (connection: FakeConnection) => {
        connection.negotiated = undefined;
      },
    ],
    [
      "of a session in progress",
      (_: FakeConnection, session: Session) => {
        session.state = SessionState.IN_PROGRESS;
      },
    ],
    [
      "of a session without encryption keys",
      (_: FakeConnection, session: Session) => {
        session.sealing = undefined;
      },
    ],
  ] as const)("refuses a message %s", (_, change) => {
    const [connection, session, frame] = prepare(sample);
    change(connection, session);
    expect(openFrame(connection, frame)).toBeUndefined();
  });

  test("refuses a transform header inside an encrypted message", () => {
    const [connection, session] = prepare(sample);
    session.sealing = roundTripKeys();
    const [reply, to] = replyOf(fromHex("fd534d42".padEnd(128, "0")));
    expect(sealReply(session, reply, HEAD_ROOM, to)).toBe(true);
    const frame = reply.bytes.slice(HEAD_ROOM - TRANSFORM_SIZE - 3, to);
    expect(openFrame(connection, frame)).toBeUndefined();
  });
});

describe("sealReply, 3.1.4.3", () => {
  test.each(REPLIES)("encrypts a reply as $name", ({ bytes, keys }) => {
    const connection = new FakeConnection();
    const session = addSession(connection, get64(new DataView(bytes.buffer, bytes.byteOffset), SESSION_ID));
    session.sealing = { ...keys, nonces: new RecordedNonce(bytes) };
    const plain = bytes.slice();
    const aead = keys.seal;
    const nonce = plain.slice(NONCE, NONCE + aead.nonceLength);
    const tag = plain.slice(4, NONCE);
    const aad = plain.slice(NONCE, TRANSFORM_SIZE);
    expect(aead.open(nonce, aad, plain, TRANSFORM_SIZE, plain.length, tag)).toBe(true);
    const [reply, to] = replyOf(plain.subarray(TRANSFORM_SIZE));
    expect(sealReply(session, reply, HEAD_ROOM, to)).toBe(true);
    expect(toHex(reply.bytes.subarray(HEAD_ROOM - TRANSFORM_SIZE, to))).toBe(toHex(bytes));
  });

  test("uses each nonce once, and fails when none is left", () => {
    const session = addSession(new FakeConnection(), 1);
    session.sealing = { ...roundTripKeys(), nonces: new NonceSequence(0, 0, 2) };
    const nonces = new Set<string>();
    for (const expected of [true, true, false]) {
      const [reply, to] = replyOf(new Uint8Array(64));
      expect(sealReply(session, reply, HEAD_ROOM, to)).toBe(expected);
      const start = HEAD_ROOM - TRANSFORM_SIZE + NONCE;
      if (expected) nonces.add(toHex(reply.bytes.subarray(start, start + 16)));
    }
    expect(nonces.size).toBe(2);
  });

  test("fails for a session without encryption keys", () => {
    const [reply, to] = replyOf(new Uint8Array(64));
    expect(sealReply(addSession(new FakeConnection(), 1), reply, HEAD_ROOM, to)).toBe(false);
  });
});

function roundTripKeys(): SealKeys {
  const aead = provider.aesGcm(new Uint8Array(16).fill(9));
  const key = { cipher: 0, bytes: new Uint8Array(16).fill(9) };
  return { seal: aead, open: aead, sealKey: key, openKey: key, nonces: new NonceSequence() };
}

function replyOf(plain: Uint8Array): [PooledBuffer, number] {
  const reply = new BufferPool(100_000).acquire(HEAD_ROOM + plain.length);
  reply.bytes.fill(0xee);
  reply.bytes.set(plain, HEAD_ROOM);
  return [reply, HEAD_ROOM + plain.length];
}
