// Attacks with headers, bodies and credits: wrong sizes, malformed compounds, message ids outside the window.
// [MS-SMB2] 3.3.5.2.3 (window), 3.3.5.2.5 (credit charge), 3.3.5.2.6 (structure), 3.3.5.2.7 (compounds),
// 3.3.5.16 (CANCEL).
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import type { Writer } from "../../../src/wire/cursor.ts";
import { FILE_ID_ALL_ONES } from "../../../src/wire/file-id.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import { FileInfoClass, FsInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { Command, HEADER_SIZE, HeaderFlag, HeaderOffset } from "../../../src/wire/header.ts";
import { InfoType } from "../../../src/wire/command/query-info.ts";
import { Status } from "../../../src/wire/status.ts";
import type { TestServer } from "../../peer/test-server.ts";
import type { Call } from "../client/raw-calls.ts";
import {
  callOn,
  closeCall,
  createCall,
  createDirectory,
  createFile,
  ioctlCall,
  type Mount,
  openFile,
  queryDirectoryCall,
  queryInfoCall,
  readCall,
  setInfoCall,
  writeCall,
  writeFile,
} from "../client/raw-files.ts";
import {
  anonymousKib,
  attackOnce,
  expectOutcome,
  expectServing,
  mountTest,
  REFUSED,
  startVictim,
} from "../client/attack-rig.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startVictim();
});
afterAll(() => server.stop());
afterEach(() => expectServing(server));

const echo = (mount: Mount): Call => callOn(mount, Command.ECHO, (writer: Writer) => writer.u32(4));

type Maker = (mount: Mount) => Call | Promise<Call>;

/** A valid request of each command that needs no more than a file. */
const good: Readonly<Record<string, Maker>> = {
  CREATE: (mount) => createCall(mount, "name of a file"),
  CLOSE: async (mount) => closeCall(mount, await createFile(mount, "f")),
  FLUSH: async (mount) => {
    const file = await createFile(mount, "f");
    return { ...closeCall(mount, file), command: Command.FLUSH };
  },
  READ: async (mount) => readCall(mount, await createFile(mount, "f"), 0, 10),
  WRITE: async (mount) => writeCall(mount, await createFile(mount, "f"), 0, new Uint8Array(100)),
  LOGOFF: (mount) => callOn(mount, Command.LOGOFF, (writer) => writer.u32(4)),
  TREE_DISCONNECT: (mount) => callOn(mount, Command.TREE_DISCONNECT, (writer) => writer.u32(4)),
  ECHO: echo,
  QUERY_DIRECTORY: async (mount) => queryDirectoryCall(mount, await createDirectory(mount, "d")),
  QUERY_INFO: async (mount) =>
    queryInfoCall(mount, await createFile(mount, "f"), InfoType.FILE, FileInfoClass.BASIC),
  SET_INFO: async (mount) =>
    setInfoCall(mount, await createFile(mount, "f"), FileInfoClass.BASIC, new Uint8Array(40)),
  IOCTL: (mount) => ioctlCall(mount, Fsctl.VALIDATE_NEGOTIATE_INFO, new Uint8Array(40)),
};

async function attack(make: Maker, change: Partial<Call>) {
  const mount = await mountTest(server);
  const outcome = await mount.client.outcome({ ...(await make(mount)), ...change });
  mount.client.close();
  return outcome;
}

describe("structure sizes, cut bodies, offsets of the dynamic part", () => {
  test.each(Object.keys(good))("%s with a wrong StructureSize or a cut body is refused", async (name) => {
    const make = good[name] ?? echo;
    for (const size of [0, 1, 3, 0x3fff, 0xffff]) {
      const edit = (_bytes: Uint8Array, view: DataView): void => view.setUint16(HEADER_SIZE, size, true);
      expectOutcome(await attack(make, { edit }), ...REFUSED);
    }
    for (const keep of [0, 1, 2, 3]) {
      // Cut before it is signed: the server checks the length only when the signature is right.
      const mount = await mountTest(server);
      const { bytes, messageId } = mount.client.build({ ...(await make(mount)), sign: false });
      const cut = bytes.slice(0, HEADER_SIZE + keep);
      mount.session.sign(cut);
      const { reply } = mount.client.expect(messageId);
      mount.client.transmit(cut, mount.session);
      expectOutcome(await reply.then((r) => r.status).catch(() => "closed" as const), ...REFUSED);
      mount.client.close();
    }
  });

  /** Command, positions of the offset and length of its dynamic part, the offset's width in bits. */
  const parts: readonly [string, number, number, 16 | 32][] = [
    ["CREATE", 108, 110, 16],
    ["CREATE", 112, 116, 32],
    ["WRITE", 66, 68, 16],
    ["QUERY_DIRECTORY", 88, 90, 16],
    ["SET_INFO", 72, 68, 16],
    ["IOCTL", 88, 92, 32],
  ];
  const lies: readonly [number, number][] = [
    [0xffff, 8],
    [0, 8],
    [HEADER_SIZE, 8],
    [0xffff_ffff, 0xffff_ffff],
    [0xffff_fff8, 16],
    [0x8000_0000, 0x8000_0000],
    [128, 0xffff_fff0],
    [128, 0xfff0],
  ];
  test.each(parts)("%s fails: wrong offset at %d, length at %d", async (name, offsetAt, lengthAt, bits) => {
    for (const [offset, length] of lies) {
      // A length of 0 is valid at any offset.
      if (bits === 16 && (length & 0xffff) === 0) continue;
      const edit = (_bytes: Uint8Array, view: DataView): void => {
        if (bits === 16) view.setUint16(offsetAt, offset & 0xffff, true);
        else view.setUint32(offsetAt, offset, true);
        // WRITE and SET_INFO have an offset of 16 bits and a length of 32.
        if (name === "WRITE" || name === "SET_INFO" || bits === 32) view.setUint32(lengthAt, length, true);
        else view.setUint16(lengthAt, length & 0xffff, true);
      };
      expectOutcome(await attack(good[name] ?? echo, { edit }), ...REFUSED);
    }
  });

  test("an unknown command is refused", async () => {
    for (const command of [0x13, 0x14, 0xff, 0xffff])
      expectOutcome(await attack(echo, { command }), ...REFUSED);
  });

  test("a response in place of a request is refused", async () => {
    expectOutcome(await attack(echo, { flags: HeaderFlag.SERVER_TO_REDIR }), ...REFUSED);
  });
});

describe("NextCommand", () => {
  test.each([1, 4, 63, 64, 65, 72 + 4, 0x1000, 0x7fff_fff8, 0xffff_fff8])("%d is refused", async (next) => {
    const mount = await mountTest(server);
    const { bytes } = mount.client.build({
      ...echo(mount),
      edit: (_bytes, view) => view.setUint32(HeaderOffset.NEXT_COMMAND, next, true),
    });
    const { bytes: second } = mount.client.build(echo(mount));
    const frame = new Uint8Array(72 + second.length);
    frame.set(bytes);
    frame.set(second, 72);
    mount.client.transmit(frame, mount.session);
    const reply = await mount.client.nextUnclaimed(1000);
    if (reply === undefined) expect(mount.client.socket.isClosed).toBe(true);
    else expectOutcome(reply.status, Status.INVALID_PARAMETER);
    mount.client.close();
  });

  test("a compound of 3000 requests is answered, or closes the connection", async () => {
    const mount = await mountTest(server);
    const calls = Array.from({ length: 3000 }, () => echo(mount));
    await mount.client.request({ ...echo(mount), credits: 4000 });
    const replies = mount.client.compound(calls);
    const outcomes = await Promise.all(
      replies.map((r) => r.then((x) => x.status).catch(() => "closed" as const)),
    );
    for (const outcome of new Set(outcomes)) expectOutcome(outcome, Status.SUCCESS, ...REFUSED);
    mount.client.close();
  });

  test("reads of a compound whose replies exceed any frame succeed or get STATUS_INSUFFICIENT_RESOURCES", async () => {
    const mount = await mountTest(server);
    const file = await createFile(mount, "large");
    const size = 1 << 20;
    await mount.client.request({ ...echo(mount), credits: 2000 });
    await writeFile(mount, file, 0, new Uint8Array(size).fill(3));
    const reads = Array.from({ length: 24 }, () => readCall(mount, file, 0, size));
    const replies = await Promise.all(mount.client.compound(reads));
    for (const { status, message } of replies) {
      expectOutcome(status, Status.SUCCESS, Status.INSUFFICIENT_RESOURCES);
      if (status === Status.SUCCESS) expect(message.length).toBeGreaterThanOrEqual(size);
    }
    mount.client.close();
  });
});

describe("credits, message ids, CANCEL", () => {
  test("a credit charge too small for the payload fails with STATUS_INVALID_PARAMETER; 0 is enough for ECHO", async () => {
    const mount = await mountTest(server);
    const file = await createFile(mount, "f");
    await mount.client.request({ ...echo(mount), credits: 200 });
    for (const creditCharge of [0, 1, 15]) {
      const read = { ...readCall(mount, file, 0, 1 << 20), creditCharge };
      expectOutcome(await mount.client.outcome(read), Status.INVALID_PARAMETER);
      const write = { ...writeCall(mount, file, 0, new Uint8Array(1 << 20)), creditCharge };
      expectOutcome(await mount.client.outcome(write), Status.INVALID_PARAMETER);
      const list = {
        ...queryInfoCall(mount, file, InfoType.FILE, FileInfoClass.BASIC, 1 << 20),
        creditCharge,
      };
      expectOutcome(await mount.client.outcome(list), Status.INVALID_PARAMETER);
    }
    expectOutcome(await mount.client.outcome({ ...echo(mount), creditCharge: 0 }), Status.SUCCESS);
    mount.client.close();
  });

  test("a credit charge beyond the granted credits is refused", async () => {
    expectOutcome(await attack(echo, { creditCharge: 0xffff }), "closed", Status.INVALID_PARAMETER);
  });

  test("a client that asks for 65,535 credits again and again is granted at most 8192", async () => {
    const mount = await mountTest(server);
    let granted = 0;
    for (let round = 0; round < 300; round++) {
      const { header } = await mount.client.request({ ...echo(mount), credits: 0xffff });
      granted += header.credits - 1;
    }
    expect(granted).toBeLessThanOrEqual(8192);
    expect(mount.client.credits).toBeGreaterThan(0);
    mount.client.close();
  });

  test.each([
    ["a used one", (last: number) => last],
    ["0", () => 0],
    ["far ahead", (last: number) => last + 100_000],
    ["2^53", () => 2 ** 53],
    ["all ones", () => 2 ** 64 - 2 ** 11],
  ])("a message id outside the window closes the connection: %s", async (_name, choose) => {
    const mount = await mountTest(server);
    const last = (await mount.client.request(echo(mount))).header.messageId;
    expectOutcome(await mount.client.outcome({ ...echo(mount), messageId: choose(last) }), "closed");
  });

  test("1000 CANCELs of unknown, finished or other clients' requests get no reply and cancel nothing", async () => {
    const mount = await mountTest(server);
    const other = await mountTest(server);
    for (let round = 0; round < 1000; round++) {
      const isAsync = round % 2 === 0;
      const { bytes } = mount.client.build({
        ...callOn(mount, Command.CANCEL, (writer) => writer.u32(4)),
        messageId: round,
        creditCharge: 0,
        credits: 0,
        flags: isAsync ? HeaderFlag.ASYNC_COMMAND : 0,
        asyncId: isAsync ? round : 0,
      });
      mount.client.transmit(bytes, mount.session);
    }
    expectOutcome(await mount.client.outcome(echo(mount)), Status.SUCCESS);
    expect(mount.client.unclaimed).toEqual([]);
    expectOutcome(await other.client.outcome(echo(other)), Status.SUCCESS);
    for (const { client } of [mount, other]) client.close();
  });
});

describe("many requests at once", () => {
  test("each of 4000 reads sent without waiting gets its answer", async () => {
    const mount = await mountTest(server);
    const file = await createFile(mount, "f");
    await writeFile(mount, file, 0, new Uint8Array(4096));
    const pending: Promise<number | "closed">[] = [];
    for (let round = 0; round < 4000; round++) {
      await mount.client.awaitCredits(1);
      pending.push(mount.client.outcome({ ...readCall(mount, file, 0, 4096), credits: 128 }));
    }
    for (const outcome of await Promise.all(pending)) {
      expectOutcome(outcome, Status.SUCCESS, Status.INSUFFICIENT_RESOURCES);
    }
    mount.client.close();
  }, 20_000);
});

describe("OutputBufferLength", () => {
  const queries: Readonly<Record<string, (mount: Mount, length: number) => Promise<Call>>> = {
    "file information": async (mount, length) =>
      queryInfoCall(mount, (await openFile(mount, "")).fileId, InfoType.FILE, FileInfoClass.ALL, length),
    "volume information": async (mount, length) =>
      queryInfoCall(
        mount,
        (await openFile(mount, "")).fileId,
        InfoType.FILESYSTEM,
        FsInfoClass.VOLUME,
        length,
      ),
    security: async (mount, length) =>
      queryInfoCall(
        mount,
        (await openFile(mount, "", { desiredAccess: 0x0012_0089 })).fileId,
        InfoType.SECURITY,
        0,
        length,
      ),
    "a directory listing": async (mount, length) =>
      queryDirectoryCall(mount, (await openFile(mount, "")).fileId, { outputBufferLength: length }),
    "a control": async (mount, length) =>
      ioctlCall(mount, Fsctl.QUERY_FILE_REGIONS, new Uint8Array(0), FILE_ID_ALL_ONES, length),
  };
  test.each(Object.keys(queries))("%s exceeds neither the length nor 64 MiB", async (name) => {
    const make = queries[name];
    if (!make) throw new Error(name);
    const before = anonymousKib(server);
    for (const length of [0, 1, 7, 100_000_000, 0x7fff_ffff, 0xffff_ffff]) {
      const mount = await mountTest(server);
      const reply = await mount.client.request(await make(mount, length)).catch(() => undefined);
      if (reply?.status === Status.SUCCESS || reply?.status === Status.BUFFER_OVERFLOW) {
        expect(reply.message.length).toBeLessThanOrEqual(HEADER_SIZE + 64 + length);
      }
      mount.client.close();
    }
    expect(anonymousKib(server) - before).toBeLessThan(64 * 1024);
  });

  test("a length beyond MaxTransactSize is refused, not allocated", async () => {
    const outcome = await attackOnce(server, (mount) => ({
      ...queryInfoCall(mount, FILE_ID_ALL_ONES, InfoType.FILE, FileInfoClass.ALL, 0xffff_ffff),
    }));
    expectOutcome(outcome, Status.INVALID_PARAMETER, Status.FILE_CLOSED, "closed");
  });
});
