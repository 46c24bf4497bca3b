// Attacks on the frame around messages and on negotiation, before anybody has logged on.
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

describe("1 frame length by state", () => {
  test("before negotiation nothing large is taken", async () => {
    expect(await isClosedAfter(server, announce(0xff_ffff, 0))).toBe(true);
    expect(await isClosedAfter(server, announce(1 << 20, 1000))).toBe(true);
  });

  test("before log-on nothing large is taken either", async () => {
    const client = await RawClient.connect(server);
    await client.negotiate();
    announce(1 << 20, 1000)(client.socket);
    expect(await client.isClosedSoon()).toBe(true);
  });

  test("after log-on a largest write is taken, and nothing beyond it", async () => {
    const mount = await mountTest(server);
    const most = mount.client.negotiated?.maxWriteSize ?? 0;
    const file = await createFile(mount, "largest");
    await mount.client.request({ command: Command.ECHO, session: mount.session, credits: 512, body: echo });
    expect(await writeFile(mount, file, 0, new Uint8Array(most))).toBe(most);
    announce(0xff_ffff, 0)(mount.client.socket);
    expect(await mount.client.isClosedSoon()).toBe(true);
  });

  test("hundreds of announcements cost no memory", async () => {
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

describe("2 first byte, keep-alive, tiny frames, foreign protocols", () => {
  test.each([0x81, 0x82, 0x83, 0x84, 0x01, 0xff])("type 0x%x is no session message", async (kind) => {
    expect(await isClosedAfter(server, (socket) => socket.sendFrame(new Uint8Array(68), 68, kind))).toBe(
      true,
    );
  });

  test("a keep-alive is passed over", async () => {
    const client = await RawClient.connect(server);
    for (let i = 0; i < 5; i++) client.socket.send(Uint8Array.of(0x85, 0, 0, 0));
    await client.negotiate();
    client.socket.send(Uint8Array.of(0x85, 0, 0, 0));
    expect(client.socket.isClosed).toBe(false);
    client.close();
  });

  test.each([0, 1, 3, 4, 63, 64])("a frame of %d bytes", async (length) => {
    const bytes = new Uint8Array(length);
    bytes.set([0xfe, 0x53, 0x4d, 0x42].slice(0, length));
    expect(await isClosedAfter(server, (socket) => socket.sendFrame(bytes))).toBe(true);
  });

  test.each([
    ["SMB1", 0xff],
    ["compressed", 0xfc],
    ["encrypted", 0xfd],
    ["unknown", 0x00],
  ])("%s after SMB2 began", async (_name, first) => {
    const client = await RawClient.connect(server);
    await client.negotiate();
    const bytes = new Uint8Array(128);
    bytes.set([first, 0x53, 0x4d, 0x42]);
    client.socket.sendFrame(bytes);
    expect(await client.isClosedSoon()).toBe(true);
  });

  test("a frame byte by byte is a frame all the same", async () => {
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

describe("3 negotiate", () => {
  test("twice", async () => {
    const client = await RawClient.connect(server);
    await client.negotiate();
    expect(await outcomeOf(client.negotiate())).toBe("closed");
  });

  test("another command before it", async () => {
    for (const command of [Command.SESSION_SETUP, Command.ECHO, Command.TREE_CONNECT, Command.CREATE]) {
      expectOutcome(await negotiateWith({ command, body: (writer) => writer.zero(64) }), "closed");
    }
  });

  test("0 dialects", async () => {
    expectOutcome(
      await negotiateWith({ edit: (_bytes, view) => view.setUint16(Field.DIALECT_COUNT, 0, true) }),
      Status.INVALID_PARAMETER,
    );
  });

  test("65,535 dialects of which five are there", async () => {
    expectOutcome(
      await negotiateWith({ edit: (_bytes, view) => view.setUint16(Field.DIALECT_COUNT, 0xffff, true) }),
      ...REFUSED,
    );
  });

  test("only dialects that nobody speaks", async () => {
    expectOutcome(await negotiateWith({}, { dialects: [0x0222, 0x0400, 0xffff] }), Status.NOT_SUPPORTED);
  });

  test("3.1.1 without contexts", async () => {
    expectOutcome(await negotiateWith({}, { contexts: [] }), Status.INVALID_PARAMETER);
  });

  test.each([
    ["a count beyond the list", Field.CONTEXT_COUNT, 0xffff],
    ["an offset past the end", Field.CONTEXT_OFFSET, 0xfff8],
    ["an offset into the header", Field.CONTEXT_OFFSET, 8],
  ])("contexts with %s", async (_name, at, value) => {
    const edit = (_bytes: Uint8Array, view: DataView): void => view.setUint16(at, value, true);
    expectOutcome(await negotiateWith({ edit }), ...REFUSED);
  });

  test("a context whose length lies, and one that is cut off", async () => {
    const lie = (_bytes: Uint8Array, view: DataView): void => {
      const first = view.getUint32(Field.CONTEXT_OFFSET, true);
      view.setUint16(first + 2, 0xfff0, true);
    };
    expectOutcome(await negotiateWith({ edit: lie }), ...REFUSED);
    const cut = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, bytes.length - 3);
    expectOutcome(await negotiateWith({ editSigned: cut }), ...REFUSED);
  });

  test("contexts that stand there twice", async () => {
    for (const context of contextsOf({})) {
      const contexts = [...contextsOf({}), context];
      expectOutcome(await negotiateWith({}, { contexts }), Status.INVALID_PARAMETER);
    }
  });

  test("hashes: none, and none in common", async () => {
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

  test("a salt of 0 and of 60,000 bytes", async () => {
    for (const length of [0, 60_000]) {
      const [, ...others] = contextsOf({});
      const contexts: NegotiateContext[] = [
        { kind: "preauth", hashAlgorithms: [1], salt: new Uint8Array(length) },
        ...others,
      ];
      expectOutcome(await negotiateWith({ room: 65_000 }, { contexts }), Status.SUCCESS);
    }
  });

  test("no common cipher: the answer says so", async () => {
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

  test("StructureSize wrong, and body cut off", async () => {
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
