// Authenticated binds with clients that violate the protocol: tokens, signatures, sealing. [MS-RPCE] 3.3.1.5.2. The
// protection is a stand-in; NTLM's own is tested end to end.
import { describe, expect, test } from "bun:test";
import type { MessageProtection, PipeLogonStep, PipeServices } from "../../../src/port/pipes.ts";
import { Status } from "../../../src/wire/status.ts";
import { createInputs } from "../../fuzz/bytes.ts";
import samba from "../../vectors/rpc-samba.json";
import { ANN, createPipes, faultOf, hex, NOBODY, PipeClient, request, stubOf } from "./rpc-rig.ts";

const PROTOCOL_ERROR = 0x1c01000b;
const SECURITY_PACKAGE = 0x721;
const ACCESS_DENIED = 5;
const Kind = { BIND: 11, BIND_ACK: 12, BIND_NAK: 13, ALTER: 14, ALTER_ACK: 15, AUTH3: 16 } as const;
const Level = { CONNECT: 2, INTEGRITY: 5, PRIVACY: 6 } as const;
const NTLM = 10;
const SERVER_INFO = stubOf("srvinfo");
const KEY = 0x5a;

function checksum(bytes: Uint8Array, sequence: number): Uint8Array {
  const sum = bytes.reduce((all, byte) => (all * 31 + byte) >>> 0, sequence + 7);
  return Uint8Array.of(sum, sum >>> 8, sum >>> 16, sum >>> 24);
}

/** Signs with a checksum over message and sequence number, and seals by XOR. */
class StandIn implements MessageProtection {
  readonly signatureBytes = 4;
  readonly sealBytes = 4;
  private outgoing = 0;
  private incoming = 0;

  sign(message: Uint8Array): Uint8Array {
    return checksum(message, this.outgoing++);
  }
  verify(message: Uint8Array, _from: number, _to: number, signature: Uint8Array): boolean {
    return Buffer.compare(checksum(message, this.incoming++), signature) === 0;
  }
  seal(message: Uint8Array, from: number, to: number): Uint8Array {
    const signature = this.sign(message);
    flip(message.subarray(from, to));
    return signature;
  }
  unseal(message: Uint8Array, from: number, to: number, signature: Uint8Array): boolean {
    flip(message.subarray(from, to));
    return this.verify(message, from, to, signature);
  }
}

function flip(bytes: Uint8Array): void {
  bytes.forEach((byte, at) => (bytes[at] = byte ^ KEY));
}

/** A log-on of two tokens; the second is `right` or refused. */
const services: PipeServices = {
  startLogon() {
    let steps = 0;
    return {
      step(token): PipeLogonStep {
        if (++steps === 1) return { kind: "continue", token: Uint8Array.of(1, 2, 3) };
        if (Buffer.from(token).toString() === "guest")
          return {
            kind: "done",
            token: undefined,
            identity: NOBODY,
            protection: undefined,
            expiresMs: undefined,
          };
        if (Buffer.from(token).toString() !== "right") return { kind: "refused" };
        const identity = { ...ANN, user: "carl" };
        const protection = (): StandIn => new StandIn();
        return { kind: "done", token: undefined, identity, protection, expiresMs: undefined };
      },
    };
  },
  beginProof: () => undefined,
};

interface Trailer {
  readonly type?: number;
  readonly level?: number;
  readonly contextId?: number;
  readonly padding?: number;
}

/** Appends a trailer to a PDU and corrects its lengths. */
function authenticated(pdu: Uint8Array, value: Uint8Array, fields: Trailer = {}): Uint8Array {
  const { type = NTLM, level = Level.INTEGRITY, contextId = 1, padding = 0 } = fields;
  const head = Buffer.from([type, level, padding, 0, contextId, 0, 0, 0]);
  const out = Buffer.concat([pdu, new Uint8Array(padding), head, value]);
  out.writeUInt16LE(out.length, 8);
  out.writeUInt16LE(value.length, 10);
  return out;
}

const bindPdu = (level: number): Uint8Array =>
  authenticated(hex(samba.binds.srvsvc.request), Buffer.from("hello"), { level });

function auth3(token: string, level: number, fields: Trailer = {}): Uint8Array {
  const pdu = Buffer.alloc(20);
  pdu.set([5, 0, Kind.AUTH3, 3, 0x10]);
  return authenticated(pdu, Buffer.from(token), { level, ...fields });
}

function start(level: number, token = "right", changes = {}): PipeClient {
  const client = new PipeClient(createPipes(changes, services), ANN, "srvsvc", false);
  const ack = client.ask(bindPdu(level));
  expect(ack[2]).toBe(Kind.BIND_ACK);
  expect([...ack.subarray(-3)]).toEqual([1, 2, 3]);
  expect(client.write(auth3(token, level))).toBe(Status.SUCCESS);
  expect(client.read()).toBeUndefined();
  return client;
}

/** A client's signed or sealed request. */
function protectedCall(level: number, sequence: number, fields: Trailer = {}): Uint8Array {
  const padding = -SERVER_INFO.length & 15;
  const bytes = authenticated(request(21, SERVER_INFO), new Uint8Array(4), { level, padding, ...fields });
  const message = bytes.subarray(0, -4);
  bytes.set(checksum(message, sequence), bytes.length - 4);
  if (level === Level.PRIVACY) flip(bytes.subarray(24, bytes.length - 12));
  return bytes;
}

function expectEnded(client: PipeClient, status: number): void {
  expect(faultOf(client.read())).toBe(status);
  expect(client.read()).toBeUndefined();
  expect(client.write(request(21, SERVER_INFO))).toBe(Status.PIPE_DISCONNECTED);
}

describe("an association with", () => {
  for (const level of [Level.INTEGRITY, Level.PRIVACY]) {
    test(`level ${level} answers protected calls, each reply with its own signature`, () => {
      const client = start(level);
      const plain = new PipeClient().ask(request(21, SERVER_INFO));
      for (const sequence of [0, 1, 2]) {
        const reply = client.ask(protectedCall(level, sequence)).slice();
        const view = new DataView(reply.buffer);
        expect(view.getUint16(8, true)).toBe(reply.length);
        expect(view.getUint16(10, true)).toBe(4);
        expect((reply.length - 4 - 8) % 16).toBe(0);
        if (level === Level.PRIVACY) flip(reply.subarray(24, reply.length - 12));
        expect(reply.subarray(24, plain.length).toHex()).toBe(plain.subarray(24).toHex());
        expect([...reply.subarray(-4)]).toEqual([...checksum(reply.subarray(0, -4), sequence)]);
      }
    });

    test(`level ${level} ends at a wrong, missing or repeated signature`, () => {
      const wrong = start(level);
      const bytes = protectedCall(level, 0);
      bytes.set([(bytes.at(-1) ?? 0) ^ 1], bytes.length - 1);
      wrong.write(bytes);
      expectEnded(wrong, SECURITY_PACKAGE);
      const missing = start(level);
      missing.write(request(21, SERVER_INFO));
      expectEnded(missing, SECURITY_PACKAGE);
      const repeated = start(level);
      repeated.ask(protectedCall(level, 0));
      repeated.write(protectedCall(level, 0));
      expectEnded(repeated, SECURITY_PACKAGE);
    });

    test(`level ${level} ends at another type, level or context in a trailer`, () => {
      for (const fields of [{ type: 9 }, { level: 2 }, { contextId: 2 }]) {
        const client = start(level);
        client.write(protectedCall(level, 0, fields));
        expectEnded(client, SECURITY_PACKAGE);
      }
    });
  }

  test("level connect answers calls with and without a trailer", () => {
    const client = start(Level.CONNECT);
    expect(client.ask(request(21, SERVER_INFO))[2]).toBe(2);
    const call = authenticated(request(21, SERVER_INFO), new Uint8Array(16), { level: Level.CONNECT });
    expect(client.ask(call)[2]).toBe(2);
  });

  test("a long reply has fragments within the client's limit, padding and signature included", () => {
    const shares = Array.from({ length: 500 }, (_, i) => ({
      name: `share${i}`,
      type: "disk" as const,
      comment: "",
      browseable: true,
      path: "/",
    }));
    const client = start(Level.INTEGRITY, "right", { shares: () => shares });
    const all = stubOf("smbclient -L");
    const padding = -all.length & 15;
    const call = authenticated(request(15, all), new Uint8Array(4), { padding });
    call.set(checksum(call.subarray(0, -4), 0), call.length - 4);
    let sequence = 0;
    for (let part: Uint8Array | undefined = client.ask(call); part; part = client.read(), sequence++) {
      expect(part.length).toBeLessThanOrEqual(4280);
      expect([...part.subarray(-4)]).toEqual([...checksum(part.subarray(0, -4), sequence)]);
    }
    expect(sequence).toBeGreaterThan(5);
  });
});

describe("a log-on in a bind", () => {
  test("that fails in AUTH3 faults at the next call, with ACCESS_DENIED", () => {
    const client = start(Level.INTEGRITY, "wrong");
    client.write(request(21, SERVER_INFO));
    expectEnded(client, ACCESS_DENIED);
  });

  test("that fails in ALTER_CONTEXT faults with ACCESS_DENIED", () => {
    const client = new PipeClient(createPipes({}, services), ANN, "srvsvc", false);
    client.ask(bindPdu(Level.PRIVACY));
    const alter = Buffer.from(hex(samba.binds.srvsvc.request));
    alter[2] = Kind.ALTER;
    client.write(authenticated(alter, Buffer.from("wrong"), { level: Level.PRIVACY }));
    expectEnded(client, ACCESS_DENIED);
  });

  test("of a guest gives no protection, so a level that needs it is refused", () => {
    const client = start(Level.INTEGRITY, "guest");
    client.write(request(21, SERVER_INFO));
    expectEnded(client, ACCESS_DENIED);
    expect(start(Level.CONNECT, "guest").ask(request(21, SERVER_INFO))[2]).toBe(2);
  });

  test("that is not finished allows no call, and one that is finished takes no more tokens", () => {
    const unfinished = new PipeClient(createPipes({}, services), ANN, "srvsvc", false);
    unfinished.ask(bindPdu(Level.INTEGRITY));
    unfinished.write(request(21, SERVER_INFO));
    expectEnded(unfinished, PROTOCOL_ERROR);
    const finished = start(Level.INTEGRITY);
    finished.write(auth3("right", Level.INTEGRITY));
    expectEnded(finished, PROTOCOL_ERROR);
  });

  test("keeps its type, level and context to the end", () => {
    for (const fields of [{ type: 9 }, { level: Level.CONNECT }, { contextId: 9 }]) {
      const client = new PipeClient(createPipes({}, services), ANN, "srvsvc", false);
      client.ask(bindPdu(Level.INTEGRITY));
      client.write(auth3("right", Level.INTEGRITY, fields));
      client.write(request(21, SERVER_INFO));
      expectEnded(client, ACCESS_DENIED);
    }
  });

  test("is worth nothing once the account has another password", () => {
    let isCurrent = true;
    const client = start(Level.INTEGRITY, "right", { isCurrent: () => isCurrent });
    expect(client.ask(protectedCall(Level.INTEGRITY, 0))[2]).toBe(2);
    isCurrent = false;
    expect(faultOf(client.ask(protectedCall(Level.INTEGRITY, 1)))).toBe(ACCESS_DENIED);
  });
});

test("fuzz: no PDU of an authenticated association throws", () => {
  const samples = [
    bindPdu(Level.PRIVACY),
    auth3("right", Level.PRIVACY),
    protectedCall(Level.PRIVACY, 0),
    protectedCall(Level.INTEGRITY, 0),
  ];
  const pipes = createPipes({}, services);
  let client = new PipeClient(pipes, ANN, "srvsvc", false);
  let replies = 0;
  let count = 0;
  for (const input of createInputs(samples, 10_000, 2222)) {
    if (client.write(input) !== Status.SUCCESS || ++count % 5 === 0) {
      pipes.close(client.pipe);
      client = new PipeClient(pipes, ANN, "srvsvc", false);
      client.ask(bindPdu(Level.PRIVACY));
      client.write(auth3("right", Level.PRIVACY));
    }
    while (client.read()) replies++;
  }
  expect(replies).toBeGreaterThan(1_000);
  expect(pipes.size).toBe(1);
});
