// Every operation of every interface with arguments that are random, cut off or lies, and the handles of lsarpc and samr.
// C706 chapter 14 (NDR), 6.1.6 (context handles).
import { expect, test } from "bun:test";
import { MAX_HANDLES } from "../../../src/manager/rpc/handles.ts";
import { INTERFACE_NAMES } from "../../../src/manager/rpc/interfaces.ts";
import { NdrWriter } from "../../../src/manager/rpc/ndr.ts";
import type { SyntaxName } from "../../../src/manager/rpc/syntax.ts";
import { Status } from "../../../src/wire/status.ts";
import { createInputs } from "../../fuzz/bytes.ts";
import { ANN, createPipes, type DirectPipes, faultOf, NOBODY, pdu, PipeClient, request } from "./rpc-rig.ts";

const CARL = { ...ANN, user: "carl" };
const LSA = "12345778-1234-abcd-ef00-0123456789ab";
const SAM = "12345778-1234-abcd-ef00-0123456789ac";
const NDR = { uuid: "8a885d04-1ceb-11c9-9fe8-08002b104860", major: 2, minor: 0 };
const CONTEXT_MISMATCH = 0x1c00001a;
const ACCESS_DENIED = 5;
const BAD_STUB = 0x6f7;
/** The last operation of lsarpc that clients know. */
const LAST_OPNUM = 131;

function bindTo(name: SyntaxName, pipes: DirectPipes = createPipes(), identity = ANN): PipeClient {
  const client = new PipeClient(pipes, identity, "srvsvc", false);
  const body = new NdrWriter();
  for (const word of [0x10b8_10b8, 0, 1]) body.u32(word);
  body.u16(0);
  body.u16(1);
  body.syntax(name);
  body.syntax(NDR);
  expect(client.ask(pdu(body.finish(), { type: 11 }))[2]).toBe(12);
  return client;
}

const nameOf = (uuid: string): SyntaxName => {
  const name = INTERFACE_NAMES.find((each) => each.uuid === uuid);
  if (!name) throw new Error(`no interface ${uuid}`);
  return name;
};

function stub(write: (output: NdrWriter) => void): Uint8Array {
  const output = new NdrWriter();
  write(output);
  return output.finish().slice();
}

const OPEN_POLICY = stub((output) => {
  output.pointer(false);
  for (let i = 0; i < 6; i++) output.u32(0);
  output.u32(0x0200_0000);
});
const CONNECT = stub((output) => {
  output.pointer(false);
  output.u32(0x0200_0000);
});
const HANDLE = stub((output) => output.raw(new Uint8Array(20).fill(7)));

for (const name of INTERFACE_NAMES) {
  test(`an operation of ${name.uuid} fails with a fault whatever its arguments are`, () => {
    const pipes = createPipes();
    const samples = [
      OPEN_POLICY,
      CONNECT,
      HANDLE,
      stub((output) => {
        output.raw(HANDLE);
        output.u32(3);
        output.unicodeString("some name");
        output.referents();
        output.sid({ authority: 5, subAuthorities: [32, 544] });
      }),
    ];
    let client = bindTo(name, pipes);
    let answers = 0;
    let opnum = 0;
    for (const input of createInputs(samples, 4_000, 31)) {
      // Those that change passwords wait for a proof and are tested end to end.
      opnum = (opnum + 1) % (LAST_OPNUM + 1);
      if (name.uuid === SAM && (opnum === 55 || opnum === 63)) continue;
      const reply = client.ask(request(opnum, input.subarray(0, 4_000)));
      if (reply[2] !== 3) answers++;
      while (client.read());
      if (answers % 400 === 399) {
        pipes.close(client.pipe);
        client = bindTo(name, pipes);
      }
    }
    expect(answers).toBeGreaterThan(0);
  });
}

test("operations with an open handle and lies behind it fail with a fault or a status", () => {
  for (const [uuid, opnum, open] of [
    [LSA, 44, OPEN_POLICY],
    [SAM, 57, CONNECT],
  ] as const) {
    const client = bindTo(nameOf(uuid), createPipes(), CARL);
    const opened = client.ask(request(opnum, open));
    const handle = opened.slice(24, 44);
    expect(new DataView(opened.buffer, opened.byteOffset).getUint32(44, true)).toBe(Status.SUCCESS);
    for (const input of createInputs([Buffer.concat([handle, new Uint8Array(64)])], 1_500, 77)) {
      input.set(handle.subarray(0, Math.min(20, input.length)));
      for (const call of uuid === LSA ? [7, 14, 15, 36, 57, 58, 68] : [5, 6, 7]) {
        client.ask(request(call, input.subarray(0, 1_000)));
        while (client.read());
      }
    }
  }
});

test("a handle is good for its own pipe and kind only, and for nothing once it is closed", () => {
  const pipes = createPipes();
  const client = bindTo(nameOf(SAM), pipes);
  const handle = client.ask(request(57, CONNECT)).slice(24, 44);
  const enumerate = request(6, Buffer.concat([handle, new Uint8Array(8)]));
  expect(client.ask(enumerate)[2]).toBe(2);
  expect(faultOf(bindTo(nameOf(SAM), pipes).ask(enumerate))).toBe(CONTEXT_MISMATCH);
  // The server's handle in the place of a domain's.
  expect(faultOf(client.ask(request(13, Buffer.concat([handle, new Uint8Array(12)]))))).toBe(
    CONTEXT_MISMATCH,
  );
  expect(client.ask(request(1, handle))[2]).toBe(2);
  expect(faultOf(client.ask(request(1, handle)))).toBe(CONTEXT_MISMATCH);
  expect(faultOf(client.ask(enumerate))).toBe(CONTEXT_MISMATCH);
});

test("the handles of one pipe are bounded", () => {
  const client = bindTo(nameOf(SAM));
  const statusOf = (): number => {
    const reply = client.ask(request(57, CONNECT));
    return new DataView(reply.buffer, reply.byteOffset).getUint32(44, true);
  };
  for (let i = 0; i < MAX_HANDLES; i++) expect(statusOf()).toBe(Status.SUCCESS);
  expect(statusOf()).toBe(Status.INSUFFICIENT_RESOURCES);
});

test("guests and anonymous users may call little of lsarpc and samr", () => {
  const pipes = createPipes();
  for (const identity of [NOBODY, { ...NOBODY, user: "", isGuest: false, isAnonymous: true }]) {
    const lsa = bindTo(nameOf(LSA), pipes, identity);
    expect(lsa.ask(request(44, OPEN_POLICY))[2]).toBe(2);
    for (const opnum of [2, 7, 11, 14, 15, 46, 57, 58, 68])
      expect(faultOf(lsa.ask(request(opnum, HANDLE)))).toBe(ACCESS_DENIED);
    const sam = bindTo(nameOf(SAM), pipes, identity);
    for (const opnum of [5, 6, 7, 13, 17, 34, 36, 40])
      expect(faultOf(sam.ask(request(opnum, HANDLE)))).toBe(ACCESS_DENIED);
    expect(faultOf(sam.ask(request(55, new Uint8Array(3))))).toBe(BAD_STUB);
  }
});
