// Attacks on named pipes: malformed fragments and arrays, unknown interfaces and operations, and a great
// number of pipes. [C706] 12.6 (PDUs), 14.3 (NDR); [MS-RPCE] 2.2.2; [MS-SRVS] 3.1.4.8.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { CreateDisposition, decodeCreateResponse } from "../../../src/wire/command/create.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import { decodeIoctlResponse } from "../../../src/wire/command/ioctl.ts";
import { parseGuid } from "../../../src/wire/guid.ts";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, TESTER2, type TestServer } from "../../peer/test-server.ts";
import {
  closeFile,
  createCall,
  createFile,
  ioctlCall,
  type Mount,
  mountShare,
  openFile,
  readCall,
  readFile,
  writeCall,
  writeFile,
} from "../client/raw-files.ts";
import { hasSmbclient, listShares } from "../client/smbclient.ts";
import {
  anonymousKib,
  expectOutcome,
  expectServing,
  mountTest,
  type Outcome,
  startVictim,
  utf16,
} from "../client/attack-rig.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startVictim();
});
afterAll(() => server.stop());
afterEach(async () => {
  await expectServing(server);
  const { output } = await listShares(server);
  expect(output).toMatch(/^\s*test\s+Disk/m);
});

const Kind = { REQUEST: 0, RESPONSE: 2, FAULT: 3, BIND: 11, BIND_ACK: 12, BIND_NAK: 13 } as const;
const FIRST = 1;
const LAST = 2;
const SRVSVC = "4b324fc8-1670-01d3-1278-5a47bf6ee188";
const NDR = "8a885d04-1ceb-11c9-9fe8-08002b104860";
const SHARE_ENUM = 15;

interface Lies {
  readonly flags?: number;
  readonly fragmentLength?: number;
  readonly authLength?: number;
  readonly version?: number;
}

/** A PDU with its common header; [C706] 12.6.3.1. */
function pdu(kind: number, body: Uint8Array, lies: Lies = {}): Uint8Array {
  const bytes = new Uint8Array(16 + body.length);
  const view = new DataView(bytes.buffer);
  bytes.set([lies.version ?? 5, 0, kind, lies.flags ?? FIRST | LAST, 0x10, 0, 0, 0]);
  view.setUint16(8, lies.fragmentLength ?? bytes.length, true);
  view.setUint16(10, lies.authLength ?? 0, true);
  view.setUint32(12, 7, true);
  bytes.set(body, 16);
  return bytes;
}

function bind(abstract = SRVSVC, contexts = 1): Uint8Array {
  const body = new Uint8Array(12 + 44);
  const view = new DataView(body.buffer);
  view.setUint16(0, 4280, true);
  view.setUint16(2, 4280, true);
  body[8] = contexts;
  body[14] = 1;
  body.set(parseGuid(abstract), 16);
  view.setUint32(32, 3, true);
  body.set(parseGuid(NDR), 36);
  view.setUint32(52, 2, true);
  return pdu(Kind.BIND, body);
}

function request(opnum: number, stub: Uint8Array, lies: Lies = {}, allocHint = stub.length): Uint8Array {
  const body = new Uint8Array(8 + stub.length);
  const view = new DataView(body.buffer);
  view.setUint32(0, allocHint, true);
  view.setUint16(6, opnum, true);
  body.set(stub, 8);
  return pdu(Kind.REQUEST, body, lies);
}

/** NetrShareEnum's stub, with the given counts and pointer for the server's name. */
function shareEnum(maxCount = 2, offset = 0, actualCount = 2, pointer = 0x2_0000): Uint8Array {
  const stub = new Uint8Array(48);
  const view = new DataView(stub.buffer);
  const words = [pointer, maxCount, offset, actualCount];
  for (const [index, word] of words.entries()) view.setUint32(index * 4, word, true);
  stub.set(utf16("s\0"), 16);
  for (const [index, word] of [1, 1, 0x2_0004, 0, 0, 0xffff_ffff, 0].entries()) {
    view.setUint32(20 + index * 4, word, true);
  }
  return stub;
}

async function openPipe(): Promise<{ mount: Mount; pipe: FileId }> {
  const mount = await mountShare(server, TESTER, "IPC$");
  const { fileId } = await openFile(mount, "srvsvc", {
    desiredAccess: 0x0012_019f,
    createDisposition: CreateDisposition.OPEN,
  });
  return { mount, pipe: fileId };
}

/** Writes PDUs and reads one answer. Returns its kind, or a status on failure; PENDING after 1.5 s. */
async function converse(pdus: readonly Uint8Array[]): Promise<{ kind: number } | Outcome> {
  const { mount, pipe } = await openPipe();
  try {
    for (const bytes of pdus) {
      const outcome = await mount.client.outcome(writeCall(mount, pipe, 0, bytes));
      if (outcome !== Status.SUCCESS) return outcome;
    }
    // A read of a pipe without an answer may wait or fail; 3.3.5.12.
    const answer = await Promise.race([
      mount.client.request(readCall(mount, pipe, 0, 4280)),
      Bun.sleep(1500).then(() => undefined),
    ]);
    if (answer === undefined) return Status.PENDING;
    if (answer.status !== Status.SUCCESS && answer.status !== Status.BUFFER_OVERFLOW) return answer.status;
    return { kind: answer.message.u8(80 + 2) };
  } finally {
    mount.client.close();
  }
}

/** Statuses of a pipe that is closed, refuses, or has no answer. */
const NO_ANSWER: readonly Outcome[] = [
  Status.PIPE_BROKEN,
  Status.PIPE_DISCONNECTED,
  Status.PIPE_CLOSING,
  Status.PIPE_EMPTY,
  Status.INVALID_PARAMETER,
  Status.INVALID_PIPE_STATE,
  Status.PENDING,
  Status.BUFFER_TOO_SMALL,
  Status.INSUFFICIENT_RESOURCES,
];

function expectRefusal(answer: { kind: number } | Outcome): void {
  if (typeof answer === "object") expect([Kind.FAULT, Kind.BIND_NAK] as number[]).toContain(answer.kind);
  else expectOutcome(answer, ...NO_ANSWER);
}

describe.skipIf(!hasSmbclient())("pipes", () => {
  test("a client that binds and calls NetrShareEnum is answered", async () => {
    expect(await converse([bind()])).toEqual({ kind: Kind.BIND_ACK });
    const { mount, pipe } = await openPipe();
    await writeFile(mount, pipe, 0, bind());
    expect((await readFile(mount, pipe, 0, 4280))[2]).toBe(Kind.BIND_ACK);
    const call = ioctlCall(mount, Fsctl.PIPE_TRANSCEIVE, request(SHARE_ENUM, shareEnum()), pipe, 4280);
    const reply = await mount.client.demand("transceive", call);
    expect(decodeIoctlResponse(reply.message).output[2]).toBe(Kind.RESPONSE);
    mount.client.close();
  });

  test("a request before the bind, an unknown interface and an unknown operation are refused", async () => {
    expectRefusal(await converse([request(SHARE_ENUM, shareEnum())]));
    const { mount, pipe } = await openPipe();
    await writeFile(mount, pipe, 0, bind("12345678-1234-abcd-ef00-0123456789ab"));
    const answer = await readFile(mount, pipe, 0, 4280);
    // 12.6.4.4: bind_ack with each context refused, or bind_nak.
    expect([Kind.BIND_ACK, Kind.BIND_NAK] as number[]).toContain(answer[2] ?? -1);
    mount.client.close();
    for (const opnum of [200, 0xffff]) {
      const { mount, pipe } = await openPipe();
      await writeFile(mount, pipe, 0, bind());
      await readFile(mount, pipe, 0, 4280);
      await writeFile(mount, pipe, 0, request(opnum, shareEnum()));
      expect((await readFile(mount, pipe, 0, 4280))[2]).toBe(Kind.FAULT);
      mount.client.close();
    }
  });

  test("a PDU with a wrong length, version, kind or authentication length is refused", async () => {
    for (const lies of [
      { fragmentLength: 0 },
      { fragmentLength: 15 },
      { fragmentLength: 17 },
      { authLength: 0xffff },
      { authLength: 40 },
      { version: 4 },
    ]) {
      expectRefusal(await converse([pdu(Kind.BIND, bind().subarray(16), lies)]));
    }
    for (const kind of [1, 4, 99, 255]) expectRefusal(await converse([pdu(kind, new Uint8Array(40))]));
    expectRefusal(await converse([new Uint8Array(1)]));
    expectRefusal(await converse([new Uint8Array(15).fill(0xff)]));
  }, 40_000);

  test("a bind with more contexts than were sent is refused; one with none may be", async () => {
    expectRefusal(await converse([bind(SRVSVC, 200)]));
    const answer = await converse([bind(SRVSVC, 0)]);
    if (typeof answer === "object" && answer.kind === Kind.BIND_ACK) return;
    expectRefusal(answer);
  });

  const bound = async (...pdus: Uint8Array[]): Promise<{ kind: number } | Outcome> => {
    const { mount, pipe } = await openPipe();
    try {
      await writeFile(mount, pipe, 0, bind());
      await readFile(mount, pipe, 0, 4280);
      for (const bytes of pdus) {
        const outcome = await mount.client.outcome(writeCall(mount, pipe, 0, bytes));
        if (outcome !== Status.SUCCESS) return outcome;
      }
      const answer = await Promise.race([
        mount.client.request(readCall(mount, pipe, 0, 4280)),
        Bun.sleep(1000).then(() => undefined),
      ]);
      if (answer === undefined) return Status.PENDING;
      if (answer.status !== Status.SUCCESS && answer.status !== Status.BUFFER_OVERFLOW) return answer.status;
      return { kind: answer.message.u8(82) };
    } finally {
      mount.client.close();
    }
  };

  test("fragments without a first, without a last or with two firsts are refused, a huge alloc_hint is not", async () => {
    const stub = shareEnum();
    expectRefusal(await bound(request(SHARE_ENUM, stub, { flags: LAST })));
    expectRefusal(await bound(request(SHARE_ENUM, stub, { flags: 0 })));
    expectRefusal(await bound(request(SHARE_ENUM, stub, { flags: FIRST })));
    expectRefusal(
      await bound(request(SHARE_ENUM, stub, { flags: FIRST }), request(SHARE_ENUM, stub, { flags: FIRST })),
    );
    // alloc_hint is only a hint: 2^32 - 1 is accepted.
    expect(await bound(request(SHARE_ENUM, stub, {}, 0xffff_ffff))).toEqual({ kind: Kind.RESPONSE });
  }, 20_000);

  test("a client that sends fragments without a last takes less than 40 MiB", async () => {
    await expectServing(server);
    const before = anonymousKib(server);
    const { mount, pipe } = await openPipe();
    await writeFile(mount, pipe, 0, bind());
    await readFile(mount, pipe, 0, 4280);
    const stub = new Uint8Array(4000);
    let outcome: Outcome = Status.SUCCESS;
    for (let round = 0; round < 16_000 && outcome === Status.SUCCESS; round++) {
      const flags = round === 0 ? FIRST : 0;
      outcome = await mount.client.outcome(writeCall(mount, pipe, 0, request(SHARE_ENUM, stub, { flags })));
    }
    expect(anonymousKib(server) - before).toBeLessThan(40 * 1024);
    mount.client.close();
  }, 30_000);

  test("NDR arrays whose counts disagree, strings of 2^31, cut stubs and bad pointers are refused", async () => {
    for (const [max, offset, actual] of [
      [1, 0, 2],
      [2, 1, 2],
      [0x8000_0000, 0, 0x8000_0000],
      [0xffff_ffff, 0, 0xffff_ffff],
      [2, 0xffff_fff0, 2],
      [0, 0, 0],
      [3, 0, 3],
    ] as const) {
      expectRefusal(await bound(request(SHARE_ENUM, shareEnum(max, offset, actual))));
    }
    for (const length of [0, 3, 4, 16, 20, 24, 40]) {
      expectRefusal(await bound(request(SHARE_ENUM, shareEnum().subarray(0, length))));
    }
    const deep = new Uint8Array(4000);
    const view = new DataView(deep.buffer);
    for (let at = 0; at < deep.length; at += 4) view.setUint32(at, 0x2_0000 + at, true);
    expectRefusal(await bound(request(SHARE_ENUM, deep)));
  }, 40_000);

  test("up to 1000 pipes of one client take less than 32 MiB and can be closed", async () => {
    const mount = await mountShare(server, TESTER, "IPC$");
    await mount.client.request({
      ...readCall(mount, { persistentLow: 0, persistentHigh: 0, volatileLow: 0, volatileHigh: 0 }, 0, 1),
      credits: 500,
    });
    const opened: FileId[] = [];
    const before = anonymousKib(server);
    for (let round = 0; round < 1000; round++) {
      const reply = await mount.client.request(createCall(mount, "srvsvc", { desiredAccess: 0x0012_019f }));
      if (reply.status !== Status.SUCCESS) {
        expectOutcome(
          reply.status,
          Status.INSUFFICIENT_RESOURCES,
          Status.TOO_MANY_OPENED_FILES,
          Status.PIPE_NOT_AVAILABLE,
        );
        break;
      }
      opened.push(decodeCreateResponse(reply.message).fileId);
    }
    expect(opened.length).toBeGreaterThan(0);
    expect(anonymousKib(server) - before).toBeLessThan(32 * 1024);
    for (const pipe of opened) await closeFile(mount, pipe);
    mount.client.close();
  }, 20_000);

  test("calls of a thousand small fragments that never end take less than 32 MiB", async () => {
    const mount = await mountShare(server, TESTER, "IPC$", { protection: "plain" });
    const part = (flags: number): Uint8Array => request(SHARE_ENUM, new Uint8Array([1]), { flags });
    const first = new Uint8Array(Buffer.concat([bind(), part(FIRST)]));
    const many = new Uint8Array(Buffer.concat(Array.from({ length: 2000 }, () => part(0))));
    const before = anonymousKib(server);
    for (let index = 0; index < 60; index++) {
      const { fileId } = await openFile(mount, "srvsvc", { desiredAccess: 0x0012_019f });
      let outcome = await mount.client.outcome(writeCall(mount, fileId, 0, first));
      for (let round = 0; round < 10 && outcome === Status.SUCCESS; round++)
        outcome = await mount.client.outcome(writeCall(mount, fileId, 0, many));
      expectOutcome(outcome, Status.SUCCESS, Status.PIPE_BUSY, Status.PIPE_DISCONNECTED);
    }
    expect(anonymousKib(server) - before).toBeLessThan(32 * 1024);
    mount.client.close();
  }, 60_000);

  test("one user's unfinished calls in 250 pipes take less than 5 MiB, and another user's are answered", async () => {
    const mount = await mountShare(server, TESTER, "IPC$", { protection: "plain" });
    const part = (flags: number): Uint8Array => request(SHARE_ENUM, new Uint8Array(4000), { flags });
    const parts = [bind(), part(FIRST), ...Array.from({ length: 13 }, () => part(0))];
    const call = new Uint8Array(Buffer.concat(parts));
    let accepted = 0;
    for (let index = 0; index < 250; index++) {
      const { fileId } = await openFile(mount, "srvsvc", { desiredAccess: 0x0012_019f });
      const outcome = await mount.client.outcome(writeCall(mount, fileId, 0, call));
      expectOutcome(outcome, Status.SUCCESS, Status.PIPE_BUSY);
      if (outcome === Status.SUCCESS) accepted++;
    }
    // All pipes together hold 8 MiB, and one user as much as is free.
    expect(accepted * call.length).toBeLessThan(5 * 1024 * 1024);
    const other = await mountShare(server, TESTER2, "IPC$");
    const { fileId } = await openFile(other, "srvsvc", { desiredAccess: 0x0012_019f });
    expectOutcome(await other.client.outcome(writeCall(other, fileId, 0, bind())), Status.SUCCESS);
    for (const { client } of [mount, other]) client.close();
  }, 60_000);

  test("unknown pipes, invalid names and FSCTL_PIPE_TRANSCEIVE on a file are refused", async () => {
    const mount = await mountShare(server, TESTER, "IPC$");
    for (const name of ["nothing", "", "..\\srvsvc", "srvsvc\\x", "\\srvsvc:x", "x".repeat(300)]) {
      expectOutcome(
        await mount.client.outcome(createCall(mount, name, { desiredAccess: 0x0012_019f })),
        Status.OBJECT_NAME_NOT_FOUND,
        Status.OBJECT_NAME_INVALID,
        Status.ACCESS_DENIED,
        Status.INVALID_PARAMETER,
        Status.NOT_SUPPORTED,
      );
    }
    mount.client.close();
    const files = await mountTest(server);
    const file = await createFile(files, "no pipe");
    expectOutcome(
      await files.client.outcome(ioctlCall(files, Fsctl.PIPE_TRANSCEIVE, bind(), file)),
      Status.INVALID_DEVICE_REQUEST,
      Status.NOT_SUPPORTED,
      Status.INVALID_PARAMETER,
    );
    files.client.close();
  });
});
