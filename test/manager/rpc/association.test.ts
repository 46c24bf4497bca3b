// The RPC association with clients that violate the protocol: fragments, binds, sizes; C706 12.6.
import { describe, expect, test } from "bun:test";
import { MAX_REQUEST_BYTES } from "../../../src/manager/rpc/pending-call.ts";
import { MAX_CONTEXTS } from "../../../src/manager/rpc/presentation.ts";
import { Status } from "../../../src/wire/status.ts";
import { createInputs } from "../../fuzz/bytes.ts";
import samba from "../../vectors/rpc-samba.json";
import { ANN, createPipes, faultOf, hex, pdu, PipeClient, request, stubOf } from "./rpc-rig.ts";

const PROTOCOL_ERROR = 0x1c01000b;
const OPERATION_RANGE = 0x1c010002;
const UNKNOWN_INTERFACE = 0x1c010003;
const FIRST = 1;
const LAST = 2;

const SERVER_INFO = stubOf("srvinfo");

/** Expects a broken association: the last fault can be read, nothing can be written. */
function expectBroken(client: PipeClient): void {
  expect(faultOf(client.read())).toBe(PROTOCOL_ERROR);
  expect(client.read()).toBeUndefined();
  expect(client.pipes.read(client.pipe, 10).status).toBe(Status.PIPE_DISCONNECTED);
  expect(client.write(request(21, SERVER_INFO))).toBe(Status.PIPE_DISCONNECTED);
}

interface BindOptions {
  readonly count?: number;
  readonly maxFragment?: number;
  readonly uuid?: string;
  readonly version?: number;
  readonly transfer?: string;
}

const SRVSVC = "c84f324b7016d30112785a47bf6ee188";
const NDR = "045d888aeb1cc9119fe808002b104860";
const NDR64 = "33057171babe37498319b5dbef9ccc36";

function bindBody(ids: readonly number[], options: BindOptions = {}): Uint8Array {
  const { maxFragment = 4280, uuid = SRVSVC, version = 3, transfer = NDR } = options;
  const body = Buffer.alloc(12 + ids.length * 44);
  body.writeUInt16LE(4280, 0);
  body.writeUInt16LE(maxFragment, 2);
  body.writeUInt8(options.count ?? ids.length, 8);
  ids.forEach((id, i) => {
    const at = 12 + i * 44;
    body.writeUInt16LE(id, at);
    body.writeUInt8(1, at + 2);
    body.set(hex(uuid), at + 4);
    body.writeUInt32LE(version, at + 20);
    body.set(hex(transfer), at + 24);
    body.writeUInt32LE(transfer === NDR ? 2 : 1, at + 40);
  });
  return body;
}

/** Result and reason of each context in a BIND_ACK. */
function resultsOf(ack: Uint8Array): [number, number][] {
  const view = new DataView(ack.buffer, ack.byteOffset, ack.byteLength);
  const at = Math.ceil((26 + view.getUint16(24, true)) / 4) * 4;
  return Array.from({ length: view.getUint8(at) }, (_, i) => [
    view.getUint16(at + 4 + i * 24, true),
    view.getUint16(at + 6 + i * 24, true),
  ]);
}

function unbound(): PipeClient {
  return new PipeClient(createPipes(), ANN, "srvsvc", false);
}

describe("fragments of a request", () => {
  test("several fragments form one call", () => {
    const client = new PipeClient();
    const whole = client.ask(request(21, SERVER_INFO));
    const parts = [
      SERVER_INFO.slice(0, 8),
      new Uint8Array(0),
      SERVER_INFO.slice(8, 16),
      SERVER_INFO.slice(16),
    ];
    parts.forEach((part, i) => {
      const flags = (i === 0 ? FIRST : 0) | (i === parts.length - 1 ? LAST : 0);
      expect(client.read()).toBeUndefined();
      const fragment = request(21, part, { flags });
      expect(client.write(fragment)).toBe(Status.SUCCESS);
      fragment.fill(0xee);
    });
    expect(client.read()).toEqual(whole);
  });
  test("a fragment without a first one breaks the association", () => {
    for (const flags of [0, LAST]) {
      const client = new PipeClient();
      client.write(request(21, SERVER_INFO, { flags }));
      expectBroken(client);
    }
  });
  test("a second first fragment breaks the association", () => {
    const client = new PipeClient();
    client.write(request(21, SERVER_INFO, { flags: FIRST }));
    client.write(request(21, SERVER_INFO, { flags: FIRST | LAST }));
    expectBroken(client);
  });
  test("fragments that change call, context or operation break the association", () => {
    for (const change of [{ callId: 2 }, { contextId: 1 }]) {
      const client = new PipeClient();
      client.write(request(21, SERVER_INFO, { flags: FIRST }));
      client.write(request(21, SERVER_INFO, { flags: LAST, ...change }));
      expectBroken(client);
    }
    const client = new PipeClient();
    client.write(request(21, SERVER_INFO, { flags: FIRST }));
    client.write(request(15, SERVER_INFO, { flags: LAST }));
    expectBroken(client);
  });
  test("the total size without a last fragment is bounded", () => {
    const client = new PipeClient();
    const part = new Uint8Array(4_000);
    let sent = 0;
    while (client.write(request(21, part, { flags: sent === 0 ? FIRST : 0 })) === Status.SUCCESS) {
      sent += part.length;
      expect(sent).toBeLessThan(MAX_REQUEST_BYTES + 2 * part.length);
    }
    expect(faultOf(client.read())).toBe(PROTOCOL_ERROR);
  });
  test("an allocation hint of 2^32-1 allocates nothing", () => {
    const client = new PipeClient();
    expect(client.ask(request(21, SERVER_INFO, { allocHint: 0xffff_ffff }))[2]).toBe(2);
  });
  test("a length above the limit or below the header's breaks the association", () => {
    for (const length of [0, 1, 15, 4_281, 65_535]) {
      const client = new PipeClient();
      client.write(request(21, SERVER_INFO, { length }));
      expectBroken(client);
    }
  });
  test("a truncated PDU of any length breaks the association", () => {
    const whole = request(21, SERVER_INFO);
    for (let length = 16; length < 24; length++) {
      const cut = whole.slice(0, length);
      new DataView(cut.buffer).setUint16(8, length, true);
      const client = new PipeClient();
      client.write(cut);
      expectBroken(client);
    }
  });
  test("an object UUID before the stub is skipped", () => {
    const client = new PipeClient();
    const stub = Buffer.concat([new Uint8Array(16).fill(7), SERVER_INFO]);
    expect(client.ask(request(21, stub, { flags: 0x83 }))[2]).toBe(2);
  });
  test("another protocol version or PDU type breaks the association", () => {
    for (const [at, value] of [
      [0, 4],
      [0, 0xfe],
      [2, 1],
      [2, 17],
      [2, 255],
    ] as const) {
      const client = new PipeClient();
      const bytes = request(21, SERVER_INFO);
      bytes[at] = value;
      client.write(bytes);
      expectBroken(client);
    }
  });
  test("CO_CANCEL is ignored, and ORPHANED discards the call", () => {
    const client = new PipeClient();
    client.write(pdu(new Uint8Array(0), { type: 18 }));
    client.write(request(21, SERVER_INFO, { flags: FIRST }));
    client.write(pdu(new Uint8Array(0), { type: 19 }));
    expect(client.ask(request(21, SERVER_INFO))[2]).toBe(2);
  });
  test("a request in big-endian order gets the same reply", () => {
    const stub = Buffer.from(SERVER_INFO);
    for (const at of [0, 4, 8, 12, stub.length - 4]) stub.subarray(at, at + 4).swap32();
    stub.subarray(16, stub.length - 4).swap16();
    const bytes = Buffer.from(request(21, stub));
    bytes[4] = 0;
    bytes.subarray(8, 10).swap16();
    bytes.subarray(12, 20).swap32();
    bytes.subarray(20, 24).swap16();
    const client = new PipeClient();
    expect(client.ask(bytes)).toEqual(client.ask(request(21, SERVER_INFO)));
  });
});

describe("replies", () => {
  const many = Array.from({ length: 3_000 }, (_, i) => ({
    name: `share${i}`,
    type: "disk" as const,
    comment: "x".repeat(i % 50),
    browseable: true,
    path: `/srv/${i}`,
    isDfsRoot: false,
  }));
  const ALL = stubOf("smbclient -L");

  test("a long reply has several fragments, each within the client's limit", () => {
    const client = new PipeClient(createPipes({ shares: () => many }), ANN, "srvsvc", false);
    client.ask(pdu(bindBody([0], { maxFragment: 2_000 }), { type: 11 }));
    let fragment: Uint8Array | undefined = client.ask(request(15, ALL));
    let bytes = 0;
    let count = 0;
    for (; fragment; fragment = client.read()) {
      expect(fragment.length).toBeLessThanOrEqual(2_000);
      const flags = fragment[3] ?? 0;
      expect((flags & FIRST) !== 0).toBe(count === 0);
      if (!(flags & LAST)) expect((fragment.length - 24) % 8).toBe(0);
      bytes += fragment.length - 24;
      count++;
    }
    expect(count).toBeGreaterThan(100);
    const whole = new PipeClient(createPipes({ shares: () => many })).call(request(15, ALL));
    expect(whole.length).toBe(bytes);
    expect(new DataView(whole.buffer, whole.byteOffset).getUint32(12, true)).toBe(3_000);
  });

  test("a client with too small a limit gets fragments of MustRecvFragSize", () => {
    const client = new PipeClient(createPipes({ shares: () => many }), ANN, "srvsvc", false);
    client.ask(pdu(bindBody([0], { maxFragment: 0 }), { type: 11 }));
    expect(client.ask(request(15, ALL)).length).toBe(1_432);
  });

  test("unread replies are bounded", () => {
    const client = new PipeClient(createPipes({ shares: () => many }));
    let calls = 0;
    while (client.write(request(15, ALL)) === Status.SUCCESS) expect(calls++).toBeLessThan(10);
    expect(client.write(request(15, ALL))).toBe(Status.PIPE_BUSY);
    // All calls in one write.
    const other = new PipeClient(createPipes({ shares: () => many }));
    const flood = Buffer.concat(new Array<Uint8Array>(1_000).fill(request(15, ALL)));
    other.write(flood);
    let bytes = 0;
    for (let fragment = other.read(); fragment; fragment = other.read()) bytes += fragment.length;
    expect(bytes).toBeLessThan(2_000_000);
  });
});

describe("bind", () => {
  test("an unknown interface, version or transfer syntax is rejected", () => {
    for (const [options, reason] of [
      [{ uuid: "00".repeat(16) }, 1],
      [{ version: 2 }, 1],
      [{ version: 4 }, 1],
      [{ version: 0x1_0003 }, 1],
      [{ transfer: NDR64 }, 2],
    ] as const) {
      const client = unbound();
      expect(resultsOf(client.ask(pdu(bindBody([0], options), { type: 11 })))).toEqual([[2, reason]]);
      expect(faultOf(client.ask(request(21, SERVER_INFO)))).toBe(UNKNOWN_INTERFACE);
    }
  });
  test("any interface can be bound over any pipe", () => {
    const client = new PipeClient(createPipes(), ANN, "wkssvc", false);
    expect(resultsOf(client.ask(hex(samba.binds.srvsvc.request)))).toEqual([[0, 0]]);
  });
  test("an unbound context and an unknown opnum fail with a fault", () => {
    const client = new PipeClient();
    expect(faultOf(client.ask(request(21, SERVER_INFO, { contextId: 7 })))).toBe(UNKNOWN_INTERFACE);
    for (const opnum of [0, 24, 37, 255, 65_535]) {
      expect(faultOf(client.ask(request(opnum, SERVER_INFO)))).toBe(OPERATION_RANGE);
    }
    expect(client.ask(request(21, SERVER_INFO))[2]).toBe(2);
  });
  test("a second bind is refused, and the first stays valid", () => {
    const client = new PipeClient();
    expect(client.ask(pdu(bindBody([1]), { type: 11 }))[2]).toBe(13);
    expect(client.ask(request(21, SERVER_INFO))[2]).toBe(2);
  });
  test("ALTER_CONTEXT adds a context; before BIND it breaks the association", () => {
    const client = new PipeClient();
    const answer = client.ask(pdu(bindBody([1]), { type: 14 }));
    expect(answer[2]).toBe(15);
    expect(resultsOf(answer)).toEqual([[0, 0]]);
    expect(client.ask(request(21, SERVER_INFO, { contextId: 1 }))[2]).toBe(2);
    const early = unbound();
    early.write(pdu(bindBody([1]), { type: 14 }));
    expectBroken(early);
  });
  test("a request before BIND breaks the association", () => {
    const client = unbound();
    client.write(request(21, SERVER_INFO));
    expectBroken(client);
  });
  test("contexts above the limit are rejected", () => {
    const client = unbound();
    const ids = Array.from({ length: MAX_CONTEXTS + 3 }, (_, i) => i);
    const results = resultsOf(client.ask(pdu(bindBody(ids), { type: 11 })));
    expect(results.filter(([result]) => result === 0)).toHaveLength(MAX_CONTEXTS);
    expect(results.at(-1)).toEqual([2, 3]);
  });
  test("a BIND with fewer contexts than announced breaks the association", () => {
    const client = unbound();
    client.write(pdu(bindBody([0], { count: 255 }), { type: 11 }));
    expectBroken(client);
  });
  test("an authentication type or level that the server lacks is refused", () => {
    for (const [type, level] of [
      [68, 5],
      [68, 6],
      [10, 1],
      [10, 3],
      [10, 7],
    ] as const) {
      const client = unbound();
      const trailer = Uint8Array.of(type, level, 0, 0, 0, 0, 0, 0, ...new Uint8Array(32));
      const answer = client.ask(pdu(Buffer.concat([bindBody([0]), trailer]), { type: 11, authLength: 32 }));
      expect(answer[2]).toBe(13);
      expect(new DataView(answer.buffer).getUint16(16, true)).toBe(8);
    }
  });
  test("an authentication trailer that does not fit breaks the association", () => {
    for (const authLength of [40, 200, 65_535]) {
      const client = unbound();
      client.write(pdu(bindBody([0]), { type: 11, authLength }));
      expect(client.read()?.[2]).not.toBe(12);
    }
    const padded = unbound();
    const trailer = Uint8Array.of(10, 5, 255, 0, 0, 0, 0, 0, 1);
    padded.write(pdu(Buffer.concat([bindBody([0]), trailer]), { type: 11, authLength: 1 }));
    expectBroken(padded);
  });
  test("an authenticated request without a log-on breaks the association", () => {
    const other = new PipeClient();
    other.write(request(21, SERVER_INFO, { authLength: 16 }));
    expectBroken(other);
  });
  test("an unknown minor version is refused", () => {
    const bytes = pdu(bindBody([0]), { type: 11 });
    bytes[1] = 2;
    const answer = unbound().ask(bytes);
    expect(answer[2]).toBe(13);
    expect(new DataView(answer.buffer).getUint16(16, true)).toBe(4);
  });
});

test("fuzz: no write throws, and every pipe can be closed", () => {
  const samples = [
    ...Object.values(samba.binds).map((bind) => hex(bind.request)),
    ...samba.calls.map((call) => hex(call.request)),
  ];
  const pipes = createPipes();
  let answered = 0;
  let client = new PipeClient(pipes);
  for (const input of createInputs(samples, 20_000, 706)) {
    if (client.write(input) !== Status.SUCCESS) {
      pipes.close(client.pipe);
      client = new PipeClient(pipes);
    }
    while (client.read()) answered++;
  }
  expect(answered).toBeGreaterThan(5_000);
  expect(pipes.size).toBe(1);
});
