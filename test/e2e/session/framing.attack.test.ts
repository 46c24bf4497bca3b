// Attacks on the frame around messages and on negotiation.
// [MS-SMB2] 2.1, 3.3.5.2.1, 3.3.5.3, 3.3.5.4.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import type { Writer } from "../../../src/wire/cursor.ts";
import { Command, HeaderOffset } from "../../../src/wire/header.ts";
import { Dialect, decodeNegotiateResponse } from "../../../src/wire/command/negotiate.ts";
import type { NegotiateContext } from "../../../src/wire/context/negotiate-context.ts";
import { Status } from "../../../src/wire/status.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { type Call, contextsOf, negotiateCall } from "../client/raw-calls.ts";
import { RawClient } from "../client/raw-client.ts";
import { createFile, writeFile } from "../client/raw-files.ts";
import type { RawSocket } from "../client/raw-socket.ts";
import {
  anonymousKib,
  expectOutcome,
  expectServing,
  isClosedAfter,
  mountTest,
  type Outcome,
  outcomeOf,
  REFUSED,
  startVictim,
} from "../client/attack-rig.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startVictim();
});
afterAll(() => server.stop());
afterEach(() => expectServing(server));

/** Offsets of a NEGOTIATE request's fields, from the SMB2 header; 2.2.3. */
const Field = { STRUCTURE_SIZE: 64, DIALECT_COUNT: 66, CONTEXT_OFFSET: 92, CONTEXT_COUNT: 96 } as const;

async function negotiateWith(change: Partial<Call>, options = {}): Promise<Outcome> {
  const client = await RawClient.connect(server);
  const outcome = await client.outcome({ ...negotiateCall(options), ...change });
  client.close();
  return outcome;
}

/** Announces a frame of `length` and sends `sent` bytes of it. */
function announce(length: number, sent: number): (socket: RawSocket) => void {
  return (socket) => socket.sendFrame(new Uint8Array(sent), length);
}

describe("frame length by the connection's state", () => {
  test("a large frame before negotiation closes the connection", async () => {
    expect(await isClosedAfter(server, announce(0xff_ffff, 0))).toBe(true);
    expect(await isClosedAfter(server, announce(1 << 20, 1000))).toBe(true);
  });

  test("a large frame before log-on closes the connection", async () => {
    const client = await RawClient.connect(server);
    await client.negotiate();
    announce(1 << 20, 1000)(client.socket);
    expect(await client.isClosedSoon()).toBe(true);
  });

  test("a write of MaxWriteSize succeeds after log-on, and a larger frame closes the connection", async () => {
    const mount = await mountTest(server);
    const most = mount.client.negotiated?.maxWriteSize ?? 0;
    const file = await createFile(mount, "largest");
    await mount.client.request({ command: Command.ECHO, session: mount.session, credits: 512, body: echo });
    expect(await writeFile(mount, file, 0, new Uint8Array(most))).toBe(most);
    announce(0xff_ffff, 0)(mount.client.socket);
    expect(await mount.client.isClosedSoon()).toBe(true);
  });

  test("200 frames that are announced and not sent take less than 48 MiB", async () => {
    await expectServing(server);
    const before = anonymousKib(server);
    const clients = await Promise.all(Array.from({ length: 200 }, () => RawClient.connect(server)));
    for (const { socket } of clients) announce(65_536, 16)(socket);
    await Bun.sleep(300);
    expect(anonymousKib(server) - before).toBeLessThan(48 * 1024);
    for (const client of clients) client.close();
  });
});

function echo(writer: Writer): void {
  writer.u32(4);
}

describe("first byte, keep-alive, tiny frames, foreign protocols", () => {
  test.each([0x82, 0x83, 0x84, 0x01, 0xff])("type %d closes the connection", async (kind) => {
    expect(await isClosedAfter(server, (socket) => socket.sendFrame(new Uint8Array(68), 68, kind))).toBe(
      true,
    );
  });

  test("a keep-alive frame is ignored", async () => {
    const client = await RawClient.connect(server);
    for (let i = 0; i < 5; i++) client.socket.send(Uint8Array.of(0x85, 0, 0, 0));
    await client.negotiate();
    client.socket.send(Uint8Array.of(0x85, 0, 0, 0));
    expect(client.socket.isClosed).toBe(false);
    client.close();
  });

  test.each([0, 1, 3, 4, 63, 64])("a frame of %d bytes closes the connection", async (length) => {
    const bytes = new Uint8Array(length);
    bytes.set([0xfe, 0x53, 0x4d, 0x42].slice(0, length));
    expect(await isClosedAfter(server, (socket) => socket.sendFrame(bytes))).toBe(true);
  });

  test.each([
    ["SMB1", 0xff],
    ["compressed", 0xfc],
    ["encrypted", 0xfd],
    ["unknown", 0x00],
  ])("a message after NEGOTIATE that is %s closes the connection", async (_name, first) => {
    const client = await RawClient.connect(server);
    await client.negotiate();
    const bytes = new Uint8Array(128);
    bytes.set([first, 0x53, 0x4d, 0x42]);
    client.socket.sendFrame(bytes);
    expect(await client.isClosedSoon()).toBe(true);
  });

  test("a frame that is sent byte by byte is answered", async () => {
    const client = await RawClient.connect(server);
    const { bytes, messageId } = client.build(negotiateCall({}));
    const { reply } = client.expect(messageId);
    const frame = Uint8Array.of(0, 0, bytes.length >> 8, bytes.length & 0xff, ...bytes);
    for (const byte of frame) {
      client.socket.send(Uint8Array.of(byte));
      await Bun.sleep(0);
    }
    expect((await reply).status).toBe(Status.SUCCESS);
    client.close();
  });
});

describe("NEGOTIATE", () => {
  test("sent twice closes the connection", async () => {
    const client = await RawClient.connect(server);
    await client.negotiate();
    expect(await outcomeOf(client.negotiate())).toBe("closed");
  });

  test("preceded by another command closes the connection", async () => {
    for (const command of [Command.SESSION_SETUP, Command.ECHO, Command.TREE_CONNECT, Command.CREATE]) {
      expectOutcome(await negotiateWith({ command, body: (writer) => writer.zero(64) }), "closed");
    }
  });

  test("with 0 dialects fails with STATUS_INVALID_PARAMETER", async () => {
    expectOutcome(
      await negotiateWith({ edit: (_bytes, view) => view.setUint16(Field.DIALECT_COUNT, 0, true) }),
      Status.INVALID_PARAMETER,
    );
  });

  test("with a count of 65,535 dialects, of which five are sent, is refused", async () => {
    expectOutcome(
      await negotiateWith({ edit: (_bytes, view) => view.setUint16(Field.DIALECT_COUNT, 0xffff, true) }),
      ...REFUSED,
    );
  });

  test("with unknown dialects only fails with STATUS_NOT_SUPPORTED", async () => {
    expectOutcome(await negotiateWith({}, { dialects: [0x0222, 0x0400, 0xffff] }), Status.NOT_SUPPORTED);
  });

  test("for 3.1.1 without contexts fails with STATUS_INVALID_PARAMETER", async () => {
    expectOutcome(await negotiateWith({}, { contexts: [] }), Status.INVALID_PARAMETER);
  });

  test.each([
    ["a count beyond the list", Field.CONTEXT_COUNT, 0xffff],
    ["an offset past the end", Field.CONTEXT_OFFSET, 0xfff8],
    ["an offset into the header", Field.CONTEXT_OFFSET, 8],
  ])("with contexts that have %s is refused", async (_name, at, value) => {
    const edit = (_bytes: Uint8Array, view: DataView): void => view.setUint16(at, value, true);
    expectOutcome(await negotiateWith({ edit }), ...REFUSED);
  });

  test("with a context of a wrong length, or cut off, is refused", async () => {
    const lie = (_bytes: Uint8Array, view: DataView): void => {
      const first = view.getUint32(Field.CONTEXT_OFFSET, true);
      view.setUint16(first + 2, 0xfff0, true);
    };
    expectOutcome(await negotiateWith({ edit: lie }), ...REFUSED);
    const cut = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, bytes.length - 3);
    expectOutcome(await negotiateWith({ editSigned: cut }), ...REFUSED);
  });

  test("with a context that is sent twice fails with STATUS_INVALID_PARAMETER", async () => {
    for (const context of contextsOf({})) {
      const contexts = [...contextsOf({}), context];
      expectOutcome(await negotiateWith({}, { contexts }), Status.INVALID_PARAMETER);
    }
  });

  test("with no hash algorithm, or none in common, fails", async () => {
    const others = contextsOf({}).filter((context) => context.kind !== "preauth");
    const preauth = (hashAlgorithms: number[]): NegotiateContext[] => [
      { kind: "preauth", hashAlgorithms, salt: new Uint8Array(32) },
      ...others,
    ];
    expectOutcome(await negotiateWith({}, { contexts: preauth([]) }), Status.INVALID_PARAMETER);
    expectOutcome(
      await negotiateWith({}, { contexts: preauth([2, 3, 0xffff]) }),
      Status.SMB_NO_PREAUTH_INTEGRITY_HASH_OVERLAP,
    );
    expectOutcome(await negotiateWith({}, { contexts: others }), Status.INVALID_PARAMETER);
  });

  test("with a salt of 0 or of 60,000 bytes succeeds", async () => {
    for (const length of [0, 60_000]) {
      const [, ...others] = contextsOf({});
      const contexts: NegotiateContext[] = [
        { kind: "preauth", hashAlgorithms: [1], salt: new Uint8Array(length) },
        ...others,
      ];
      expectOutcome(await negotiateWith({ room: 65_000 }, { contexts }), Status.SUCCESS);
    }
  });

  test("with no common cipher answers cipher 0", async () => {
    const client = await RawClient.connect(server);
    const reply = await client.request(negotiateCall({ ciphers: [0x7777] }));
    expect(reply.status).toBe(Status.SUCCESS);
    const contexts = decodeNegotiateResponse(reply.message).contexts;
    expect(contexts.find((context) => context.kind === "encryption")).toEqual({
      kind: "encryption",
      ciphers: [0],
    });
    client.close();
  });

  test("with a wrong StructureSize, or cut off, is refused", async () => {
    for (const size of [0, 35, 37, 0xffff]) {
      const edit = (_bytes: Uint8Array, view: DataView): void =>
        view.setUint16(Field.STRUCTURE_SIZE, size, true);
      expectOutcome(await negotiateWith({ edit }, { dialects: [Dialect.SMB_2_1] }), ...REFUSED);
    }
    for (const length of [66, 70, 90]) {
      const editSigned = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, length);
      expectOutcome(await negotiateWith({ editSigned }), ...REFUSED);
    }
    const edit = (_bytes: Uint8Array, view: DataView): void =>
      view.setUint16(HeaderOffset.STRUCTURE_SIZE, 63, true);
    expectOutcome(await negotiateWith({ edit }), ...REFUSED);
  });
});
