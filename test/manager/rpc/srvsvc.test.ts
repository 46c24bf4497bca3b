// srvsvc: malformed stubs, unknown levels, and what each user may see; [MS-SRVS] 3.1.4, C706 14.3.
import { describe, expect, test } from "bun:test";
import samba from "../../vectors/rpc-samba.json";
import { ANN, createPipes, faultOf, hex, NOBODY, PipeClient, request, stubOf } from "./rpc-rig.ts";

const BAD_STUB = 0x6f7;
const SERVER_INFO = stubOf("srvinfo");

describe("stubs", () => {
  const faulty = (opnum: number, stub: Uint8Array): void => {
    const client = new PipeClient();
    expect(faultOf(client.ask(request(opnum, stub)))).toBe(BAD_STUB);
    expect(client.ask(request(21, SERVER_INFO))[2]).toBe(2);
  };
  /** A server name with these counts, then level 101. */
  const named = (most: number, offset: number, actual: number, units = 4): Uint8Array => {
    const stub = Buffer.alloc(20 + units * 2, "A\0");
    [0x20000, most, offset, actual].forEach((value, i) => stub.writeUInt32LE(value >>> 0, 4 * i));
    stub.writeUInt32LE(101, 16 + units * 2);
    return stub;
  };
  test("string counts that disagree or are too large fail with a fault", () => {
    for (const [most, offset, actual] of [
      [4, 1, 3],
      [3, 0, 4],
      [4, 0xffff_ffff, 4],
      [0x8000_0000, 0, 0x8000_0000],
      [0xffff_ffff, 0, 0xffff_ffff],
      [0x7fff_ffff, 0x7fff_ffff, 4],
      [1_025, 0, 1_025],
    ] as const) {
      faulty(21, named(most, offset, actual));
    }
    expect(new PipeClient().ask(request(21, named(4, 0, 4)))[2]).toBe(2);
    expect(new PipeClient().ask(request(21, named(0xffff, 0, 4)))[2]).toBe(2);
  });
  test("every truncation of every captured request fails with a fault", () => {
    for (const call of samba.calls) {
      const bytes = hex(call.request);
      const opnum = new DataView(bytes.buffer).getUint16(22, true);
      if (call.pipe !== "srvsvc" || ![15, 16, 21, 28, 36].includes(opnum)) continue;
      const stub = bytes.subarray(24);
      const client = new PipeClient();
      for (let length = 0; length < stub.length; length++) {
        const answer = client.ask(request(opnum, stub.slice(0, length)));
        // NetrRemoteTOD needs only the server's name, whose padding may be missing.
        if (faultOf(answer) === undefined && opnum === 28) continue;
        expect(faultOf(answer)).toBe(BAD_STUB);
      }
    }
  });
  test("a union with another level and a container with entries fail with a fault", () => {
    const level = 4 + 12 + 20;
    const change = (at: number, value: number): Uint8Array => {
      const stub = stubOf("smbclient -L").slice();
      new DataView(stub.buffer).setUint32(at, value, true);
      return stub;
    };
    faulty(15, change(level + 4, 2));
    // The count, then the array's pointer.
    faulty(15, change(level + 12, 1));
    faulty(15, change(level + 12, 0xffff_ffff));
    faulty(15, change(level + 16, 0x20004));
  });
  test("a server name of NULs, as impacket sends, is ignored; a share name of NULs is refused", () => {
    const stub = Buffer.from(stubOf("wkssvc_wkstagetinfo 100"));
    stub.fill(0, 16, 36);
    expect(new PipeClient(createPipes(), ANN, "wkssvc").ask(request(0, stub))[2]).toBe(2);
    const share = Buffer.from(stubOf("netsharegetinfo media 2"));
    share.fill(0, 36 + 12, 36 + 16);
    faulty(16, share);
  });
  test("an unknown level fails with ERROR_INVALID_LEVEL", () => {
    const client = new PipeClient();
    const errorOf = (answer: Uint8Array): number =>
      new DataView(answer.buffer, answer.byteOffset).getUint32(answer.length - 4, true);
    for (const level of [3, 77, 103, 503, 0xffff_ffff]) {
      const stub = Buffer.from(SERVER_INFO);
      stub.writeUInt32LE(level, stub.length - 4);
      expect(errorOf(client.ask(request(21, stub)))).toBe(124);
    }
  });
  test("a guest does not get paths", () => {
    const client = new PipeClient(createPipes(), NOBODY);
    for (const name of [
      "netshareenum 2",
      "netshareenum 502",
      "netsharegetinfo media 2",
      "netsharegetinfo media 502",
    ]) {
      const opnum = name.startsWith("netshareenum") ? 15 : 16;
      const answer = client.ask(request(opnum, stubOf(name)));
      expect(new DataView(answer.buffer).getUint32(answer.length - 4, true)).toBe(5);
      expect(Buffer.from(answer).includes(Buffer.from("auth-rig", "utf16le"))).toBe(false);
    }
    expect(client.ask(request(15, stubOf("smbclient -L"))).length).toBeGreaterThan(100);
  });
  test("a list longer than the preferred length continues at the resume handle", () => {
    const client = new PipeClient();
    const names: number[] = [];
    let resume = 0;
    for (let calls = 0; calls < 10; calls++) {
      const stub = Buffer.from(stubOf("smbclient -L"));
      stub.writeUInt32LE(100, stub.length - 12);
      stub.writeUInt32LE(resume, stub.length - 4);
      const answer = client.call(request(15, stub));
      const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
      names.push(view.getUint32(12, true));
      resume = view.getUint32(answer.length - 8, true);
      const error = view.getUint32(answer.length - 4, true);
      if (error === 0) break;
      expect(error).toBe(234);
    }
    expect(names.reduce((sum, count) => sum + count, 0)).toBe(4);
    expect(names.length).toBeGreaterThan(1);
    expect(resume).toBe(0);
  });
});
