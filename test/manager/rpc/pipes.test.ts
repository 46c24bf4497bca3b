// Replays the calls that rpcclient and smbclient made to smbd (test/vectors/rpc-samba.json), and tests the
// pipes.
import { describe, expect, test } from "bun:test";
import type { Identity } from "../../../src/port/port.ts";
import { MAX_GUEST_PIPES, MAX_PIPES, MAX_PIPES_PER_USER } from "../../../src/manager/rpc/pipes.ts";
import { Status } from "../../../src/wire/status.ts";
import samba from "../../vectors/rpc-samba.json";
import { ANN, createPipes, hex, NOBODY, PipeClient } from "./rpc-rig.ts";

/**
 * Renumbers referents in their order: smbd continues the request's numbers, minismbd starts anew. In these
 * replies every value 0x000200xx at a multiple of four is a referent.
 */
function renumber(pdu: Uint8Array): string {
  const bytes = pdu.slice();
  const view = new DataView(bytes.buffer);
  let next = 0;
  for (let at = 24; at + 4 <= bytes.length; at += 4) {
    if (view.getUint32(at, true) >>> 8 === 0x0200) view.setUint32(at, 0x2000_0000 + next++, true);
  }
  return Buffer.from(bytes).toString("hex");
}

/** Intended differences from smbd. Offsets of 32-bit fields from the PDU's start. */
const DIFFERENCES: Readonly<Record<string, readonly number[]>> = {
  // Server type: minismbd has no print queues and no DFS.
  srvinfo: [0x30],
  "srvinfo 102": [0x30],
  // Current uses: smbd counts its connections, minismbd reports zero.
  netshareenumall: [0xa4],
  "netshareenum 502": [0x44, 0x6c],
  "smbtorture enum 502": [0x44, 0x6c],
  "smbtorture info 502": [0x34],
  "netsharegetinfo media (502)": [0x34],
  "netsharegetinfo media 502": [0x34],
  // The error is NERR_NetNameNotFound by [MS-SRVS] 3.1.4.10; smbd returns ERROR_INVALID_NAME.
  "netsharegetinfo nope": [0x20],
};
/** Not compared: the time. */
const ELSEWHERE = new Set(["netremotetod"]);

describe("rpcclient's and smbclient's calls get the replies of smbd", () => {
  for (const [name, bind] of Object.entries(samba.binds)) {
    test(`bind of ${name}`, () => {
      const client = new PipeClient(createPipes(), ANN, name as "srvsvc" | "wkssvc", false);
      const answer = client.ask(hex(bind.request)).slice();
      const theirs = hex(bind.response);
      // The association group is any non-zero number.
      expect(new DataView(answer.buffer).getUint32(20, true)).not.toBe(0);
      answer.fill(0, 20, 24);
      theirs.fill(0, 20, 24);
      expect(Buffer.from(answer).toString("hex")).toBe(Buffer.from(theirs).toString("hex"));
    });
  }
  for (const call of samba.calls) {
    if (ELSEWHERE.has(call.name)) continue;
    test(call.name, () => {
      const client = new PipeClient(createPipes(), ANN, call.pipe as "srvsvc" | "wkssvc");
      const ours = client.ask(hex(call.request)).slice();
      const theirs = hex(call.response);
      for (const at of DIFFERENCES[call.name] ?? []) {
        expect(at).toBeLessThanOrEqual(theirs.length - 4);
        ours.fill(0, at, at + 4);
        theirs.fill(0, at, at + 4);
      }
      expect(renumber(ours)).toBe(renumber(theirs));
      expect(client.read()).toBeUndefined();
    });
  }
  test("smbtorture's bind with feature negotiation is answered", () => {
    const client = new PipeClient(createPipes(), ANN, "srvsvc", false);
    const answer = client.ask(hex(samba.featureBind.request)).slice();
    const theirs = hex(samba.featureBind.response);
    for (const pdu of [answer, theirs]) pdu.fill(0, 20, 24);
    // The mask of features: smbd has two, minismbd has none.
    expect(theirs[0x46]).toBe(3);
    theirs[0x46] = 0;
    expect(Buffer.from(answer).equals(theirs)).toBe(true);
  });
});

describe("pipes", () => {
  test("pipe names match in any case, without a prefix (smbtorture's rpc.samba3.smb2-pipe-name)", () => {
    const pipes = createPipes();
    for (const name of ["srvsvc", "SrvSvc", "wkssvc"]) expect(pipes.open(name, ANN)).toHaveProperty("pipe");
    for (const name of [
      "",
      "\\",
      "winreg",
      "mdssvc",
      "spoolss",
      "svcctl",
      "eventlog",
      "atsvc",
      "MsFteWds",
      "srvsvc\0",
      "srvsvc\\x",
      "\\\\srvsvc",
      "constructor",
      "__proto__",
    ]) {
      expect(pipes.open(name, ANN)).toEqual({ status: Status.OBJECT_NAME_NOT_FOUND });
    }
  });

  test("open pipes are limited, and closing one frees its slot", () => {
    const pipes = createPipes();
    const opened: number[] = [];
    for (let i = 0; i < 1_000; i++) {
      const answer = pipes.open("srvsvc", ANN);
      if ("pipe" in answer) opened.push(answer.pipe);
      else expect(answer.status).toBe(Status.INSUFFICIENT_RESOURCES);
    }
    expect(opened.length).toBe(MAX_PIPES_PER_USER);
    expect(new Set(opened).size).toBe(MAX_PIPES_PER_USER);
    for (const pipe of opened) pipes.close(pipe);
    expect(pipes.size).toBe(0);
    expect(pipes.open("srvsvc", ANN)).toHaveProperty("pipe");
  });

  test("one user and all guests together leave pipes to others", () => {
    const pipes = createPipes();
    const open = (identity: Identity, times: number): number =>
      Array.from({ length: times }, () => pipes.open("srvsvc", identity)).filter((one) => "pipe" in one)
        .length;
    expect(open(NOBODY, 300) + open({ ...NOBODY, user: "", isAnonymous: true }, 300)).toBe(MAX_GUEST_PIPES);
    expect(open(ANN, 1000)).toBe(MAX_PIPES_PER_USER);
    expect(open({ ...ANN, user: "bob" }, 1000)).toBe(MAX_PIPES - MAX_PIPES_PER_USER - MAX_GUEST_PIPES);
  });

  test("calls on a closed pipe fail with STATUS_INVALID_HANDLE", () => {
    const client = new PipeClient();
    client.pipes.close(client.pipe);
    client.pipes.close(client.pipe);
    expect(client.write(new Uint8Array(1))).toBe(Status.INVALID_HANDLE);
    expect(client.pipes.read(client.pipe, 1).status).toBe(Status.INVALID_HANDLE);
  });

  test("a read shorter than the fragment reports more, and the next reads return the rest", () => {
    const call = samba.calls.find((each) => each.name === "smbclient -L");
    const client = new PipeClient();
    const whole = new PipeClient().ask(hex(call?.request ?? ""));
    expect(client.write(hex(call?.request ?? ""))).toBe(Status.SUCCESS);
    const parts: Uint8Array[] = [];
    for (;;) {
      const { status, data, more } = client.pipes.read(client.pipe, 100);
      expect(status).toBe(Status.SUCCESS);
      parts.push(data);
      if (!more) break;
      expect(data.length).toBe(100);
    }
    expect(Buffer.concat(parts).equals(whole)).toBe(true);
    const empty = client.pipes.read(client.pipe, 100);
    expect(empty).toMatchObject({ status: Status.PIPE_EMPTY, more: false });
    expect(empty.data.length).toBe(0);
  });

  test("a fragment written byte by byte gets the same reply", () => {
    const call = samba.calls.find((each) => each.name === "srvinfo");
    const bytes = hex(call?.request ?? "");
    const client = new PipeClient();
    for (let at = 0; at < bytes.length; at++) {
      expect(client.read()).toBeUndefined();
      expect(client.write(bytes.subarray(at, at + 1))).toBe(Status.SUCCESS);
    }
    expect(client.read()).toEqual(new PipeClient().ask(bytes));
  });

  test("the written buffer may be reused at once", () => {
    const call = samba.calls.find((each) => each.name === "srvinfo");
    const bytes = hex(call?.request ?? "");
    const client = new PipeClient();
    for (const part of [bytes.slice(0, 40), bytes.slice(40)]) {
      client.write(part);
      part.fill(0xff);
    }
    expect(client.read()).toEqual(new PipeClient().ask(bytes));
  });

  test("the list of shares depends on the identity", () => {
    const pipes = createPipes({
      shares: (identity) =>
        identity.isGuest
          ? []
          : [{ name: "own", type: "disk", comment: "", browseable: true, path: "/own", isDfsRoot: false }],
    });
    const request = hex(samba.calls.find((each) => each.name === "netshareenumall 0")?.request ?? "");
    const count = (client: PipeClient): number =>
      new DataView(client.ask(request).buffer).getUint32(24 + 12, true);
    expect(count(new PipeClient(pipes, ANN))).toBe(1);
    expect(count(new PipeClient(pipes, NOBODY))).toBe(0);
  });
});
