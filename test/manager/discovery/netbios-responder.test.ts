// The NetBIOS name service of one link with a fake clock, and its packets; RFC 1002 sections 4.2 and
// 5.1.1.
import { expect, test } from "bun:test";
import { Timers } from "../../../src/loop/timers.ts";
import type { Peer } from "../../../src/manager/discovery/link-sockets.ts";
import {
  decodePacket,
  encodeAnswer,
  encodeRequest,
  NmFlag,
  Opcode,
} from "../../../src/manager/discovery/netbios-message.ts";
import { NetbiosResponder } from "../../../src/manager/discovery/netbios-responder.ts";

const NEIGHBOUR: Peer = { address: "10.0.0.9", port: 137, isOwn: false };
const BOX_20 = { name: "BOX", suffix: 0x20, isGroup: false };
const REFUSED = { opcode: Opcode.REGISTRATION, flags: NmFlag.AUTHORITATIVE, rcode: 6 } as const;
/** RFC 1001 section 14.1: a letter a half byte; "BOX" is 42 4f 58. */
const BOX = `ECEPFI${"CA".repeat(12)}`;

function startResponder() {
  const rig = {
    now: 0,
    conflicts: [] as string[],
    sent: [] as { atMs: number; bytes: Uint8Array; to: Peer | undefined }[],
    run(untilMs: number) {
      for (; rig.now < untilMs; rig.now += 10) timers.runDue();
    },
  };
  const timers = new Timers(
    () => rig.now,
    () => () => {},
  );
  timers.setDriven(true);
  let random = 0;
  const responder = new NetbiosResponder("box", "Home", ["10.0.0.5"], {
    timers,
    now: () => rig.now,
    random: () => (random += 0.01),
    send: (bytes, to) => rig.sent.push({ atMs: rig.now, bytes, to }),
    conflict: (name) => rig.conflicts.push(name),
  });
  responder.start();
  const tell = (bytes: Uint8Array, from = NEIGHBOUR) => responder.receive(bytes, from);
  const packets = () => rig.sent.map(({ bytes }) => decodePacket(bytes));
  return { rig, responder, tell, packets };
}

function startOwner() {
  const all = startResponder();
  all.rig.run(2000);
  all.rig.sent = [];
  return all;
}

/** ID 0x1234, one question of that encoded name. */
function query(letters: string, suffix: string, type: "20" | "21", flags = "0110"): Uint8Array {
  const name = Buffer.from(letters + suffix, "latin1").toString("hex");
  return Buffer.from(`1234${flags}0001000000000000` + `20${name}00` + `00${type}0001`, "hex");
}

test("each name is asked for three times, then claimed", () => {
  const { rig, packets } = startResponder();
  rig.run(2000);
  const told = packets().map(
    (packet) => `${packet?.subject.name}<${packet?.subject.suffix}> ${packet?.flags}`,
  );
  const [asks, demand] = [NmFlag.BROADCAST | NmFlag.RECURSION_DESIRED, NmFlag.BROADCAST];
  for (const name of ["BOX<0>", "BOX<32>", "HOME<0>"])
    expect(told.filter((text) => text.startsWith(name))).toEqual([
      ...Array<string>(3).fill(`${name} ${asks}`),
      `${name} ${demand}`,
    ]);
  expect(rig.sent.map(({ atMs }) => atMs)).toEqual([0, 250, 500, 750].flatMap((at) => [at, at, at]));
  for (const packet of packets())
    expect(packet).toMatchObject({
      opcode: Opcode.REGISTRATION,
      nameFlags: packet?.subject.name === "HOME" ? 0x8000 : 0,
    });
});

test("the request's bytes are those of RFC 1002 section 4.2.2", () => {
  const bytes = encodeRequest({ id: 0x1234, opcode: 5, flags: 0x11 }, BOX_20, "10.0.0.5", 300);
  expect(Buffer.from(bytes).toString("hex")).toBe(
    "123429100001000000000001" +
      `20${Buffer.from(BOX + "CA").toString("hex")}00` +
      "00200001" +
      "c00c00200001" +
      "0000012c" +
      "0006" +
      "0000" +
      "0a000005",
  );
});

test("a query is answered with the address, to the one who asked", () => {
  const { rig, tell } = startOwner();
  tell(query(BOX, "CA", "20"));
  expect(rig.sent.map(({ to }) => to)).toEqual([NEIGHBOUR]);
  expect(Buffer.from(rig.sent[0]?.bytes ?? []).toString("hex")).toBe(
    "123485000000000100000000" +
      `20${Buffer.from(BOX + "CA").toString("hex")}00` +
      "00200001" +
      "0000012c" +
      "0006" +
      "0000" +
      "0a000005",
  );
});

test("a node's status has all names, without the machine's MAC address", () => {
  const { rig, tell } = startOwner();
  tell(query("CK" + "AA".repeat(14), "AA", "21", "0000"));
  const bytes = Buffer.from(rig.sent[0]?.bytes ?? []);
  expect(bytes.subarray(0, 12).toString("hex")).toBe("123484000000000100000000");
  expect(bytes.readUInt16BE(54)).toBe(1 + 3 * 18 + 46);
  const names = [0, 1, 2].map((i) => bytes.subarray(57 + i * 18, 75 + i * 18));
  expect(names.map((name) => [name.toString("latin1", 0, 15), name[15], name.readUInt16BE(16)])).toEqual([
    ["BOX            ", 0x00, 0x0400],
    ["BOX            ", 0x20, 0x0400],
    ["HOME           ", 0x00, 0x8400],
  ]);
  expect(bytes.subarray(57 + 3 * 18)).toEqual(Buffer.alloc(46));
});

test("names of others, other types and malformed packets stay without an answer", () => {
  const { rig, tell } = startOwner();
  tell(query("EF" + BOX.slice(2), "CA", "20"));
  tell(query(BOX, "BN", "20"));
  tell(query("EF" + BOX.slice(2), "AA", "21"));
  tell(query("CK" + "AA".repeat(14), "AA", "20"));
  tell(query(BOX, "CA", "20", "8500"));
  tell(query(BOX, "C@", "20"));
  tell(query(BOX, "CA", "20"), { ...NEIGHBOUR, isOwn: true });
  const whole = query(BOX, "CA", "20");
  for (let length = 0; length < whole.length; length++) tell(whole.subarray(0, length));
  for (const [at, value] of [
    [4, 1],
    [5, 2],
    [7, 1],
    [12, 0x21],
    [45, 1],
    [48, 2],
  ] as const) {
    const wrong = Buffer.from(whole);
    wrong[at] = value;
    tell(wrong);
  }
  rig.run(10_000);
  expect(rig.sent).toEqual([]);
});

test("before a name is the server's, nobody gets an answer for it", () => {
  const { rig, tell } = startResponder();
  rig.sent = [];
  tell(query(BOX, "CA", "20"));
  expect(rig.sent).toEqual([]);
});

test("a name that another machine refuses is not the server's, until it is free", () => {
  const { rig, tell, packets } = startResponder();
  const id = packets().find((packet) => packet?.subject.suffix === 0x20)?.id ?? 0;
  tell(encodeAnswer({ ...REFUSED, id: id + 1 }, BOX_20, ["10.0.0.9"], 0));
  expect(rig.conflicts).toEqual([]);
  tell(encodeAnswer({ ...REFUSED, id }, BOX_20, ["10.0.0.9"], 0));
  expect(rig.conflicts).toEqual(["BOX"]);
  rig.run(2000);
  rig.sent = [];
  tell(query(BOX, "CA", "20"));
  expect(rig.sent).toEqual([]);
  tell(query(BOX, "AA", "20"));
  expect(rig.sent).toHaveLength(1);
  rig.run(303_000);
  rig.sent = [];
  tell(query(BOX, "CA", "20"));
  expect(rig.sent).toHaveLength(1);
});

test("a name that is the server's is defended, and not given up because somebody demands it", () => {
  const { rig, tell, packets } = startOwner();
  const claim = { id: 9, opcode: Opcode.REGISTRATION, flags: NmFlag.RECURSION_DESIRED | NmFlag.BROADCAST };
  tell(encodeRequest(claim, BOX_20, "10.0.0.9", 300));
  expect(packets()).toMatchObject([{ id: 9, isResponse: true, opcode: Opcode.REGISTRATION, rcode: 6 }]);
  rig.sent = [];
  tell(encodeAnswer({ ...REFUSED, id: 77, rcode: 7 }, BOX_20, ["10.0.0.9"], 0));
  tell(encodeRequest(claim, { name: "HOME", suffix: 0, isGroup: true }, "10.0.0.9", 300));
  expect(rig.sent).toEqual([]);
  tell(encodeRequest(claim, { name: "HOME", suffix: 0, isGroup: false }, "10.0.0.9", 300));
  tell(query(BOX, "CA", "20"));
  expect(packets()).toMatchObject([{ rcode: 6 }, { rcode: 0 }]);
});

test("names are released at the end, those that were never the server's are not", () => {
  const { rig, responder, tell, packets } = startResponder();
  const id = packets().find((packet) => packet?.subject.suffix === 0x20)?.id ?? 0;
  tell(encodeAnswer({ ...REFUSED, id }, BOX_20, ["10.0.0.9"], 0));
  rig.run(2000);
  rig.sent = [];
  responder.stop();
  expect(packets().map((packet) => [packet?.opcode, packet?.subject.name, packet?.subject.suffix])).toEqual([
    [Opcode.RELEASE, "BOX", 0],
    [Opcode.RELEASE, "HOME", 0],
  ]);
});

test("a flood gets 20 answers a second", () => {
  const { rig, tell } = startOwner();
  // Others are asked for at any rate.
  for (let i = 0; i < 500; i++) tell(query(`EF${BOX.slice(2)}`, "CA", "20"));
  for (let i = 0; i < 500; i++) tell(query("CK" + "AA".repeat(14), "AA", "21"));
  expect(rig.sent).toHaveLength(20);
});

test("mutated and shortened packets are answered or not, by at most 300 bytes, and never thrown at the caller", () => {
  const { rig, tell } = startOwner();
  let seed = 1;
  const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
  const claim = { id: 9, opcode: Opcode.REGISTRATION, flags: NmFlag.RECURSION_DESIRED };
  const packets = [
    query(BOX, "CA", "20"),
    query(`CK${"AA".repeat(14)}`, "AA", "21"),
    encodeRequest(claim, BOX_20, "10.0.0.9", 300),
    encodeAnswer({ ...REFUSED, id: 3 }, BOX_20, ["10.0.0.9"], 0),
  ];
  for (let i = 0; i < 20_000; i++) {
    const bytes = Buffer.from(packets[i % packets.length] ?? []);
    for (let n = random(4); n > 0; n--) bytes[random(bytes.length)] = random(256);
    tell(bytes.subarray(0, random(4) === 0 ? random(bytes.length) : bytes.length));
    rig.now += 100;
  }
  expect(rig.sent.length).toBeGreaterThan(1000);
  expect(Math.max(...rig.sent.map(({ bytes }) => bytes.length))).toBeLessThanOrEqual(300);
});
