// The responder of one link for LLMNR with a fake clock: when it asks, answers and gives way; RFC 4795.
import { expect, test } from "bun:test";
import { Timers } from "../../../src/loop/timers.ts";
import { decodeMessage } from "../../../src/manager/discovery/dns-decode.ts";
import { type DnsMessage, encodeMessage } from "../../../src/manager/discovery/dns-message.ts";
import type { Peer } from "../../../src/manager/discovery/link-sockets.ts";
import { LlmnrResponder } from "../../../src/manager/discovery/llmnr-responder.ts";

const NEIGHBOUR: Peer = { address: "10.0.0.9", port: 40_000, isOwn: false };
const CONFLICT = 0x0400;
const TENTATIVE = 0x0100;

function startResponder(addresses = ["10.0.0.5", "fe80::1"]) {
  const rig = {
    now: 0,
    conflicts: [] as string[],
    sent: [] as { atMs: number; message: DnsMessage; bytes: Uint8Array; to: Peer | undefined }[],
    run(untilMs: number) {
      for (; rig.now < untilMs; rig.now += 10) timers.runDue();
    },
  };
  const timers = new Timers(
    () => rig.now,
    () => () => {},
  );
  timers.setDriven(true);
  const responder = new LlmnrResponder(["BOX"], addresses, {
    timers,
    now: () => rig.now,
    random: () => 0.5,
    send(bytes, to) {
      const message = decodeMessage(bytes);
      if (message) rig.sent.push({ atMs: rig.now, message, bytes, to });
    },
    conflict: (name) => rig.conflicts.push(name),
  });
  responder.start();
  const tell = (message: Partial<DnsMessage>, from = NEIGHBOUR) =>
    responder.receive(encodeMessage(message), from);
  const ask = (name: string, type: string, more: Partial<DnsMessage> = {}) =>
    tell({ id: 7, flags: 0, questions: [question(name, type)], ...more });
  return { rig, responder, tell, ask };
}

function startVerified() {
  const all = startResponder();
  all.rig.run(1000);
  all.rig.sent = [];
  return all;
}

const question = (name: string, type: string) => ({ name, type, wantsUnicast: false });

test("three queries for any record of the name, then it is the server's", () => {
  const { rig, ask } = startResponder();
  rig.run(1000);
  expect(rig.sent.map(({ atMs, to }) => [atMs, to])).toEqual([
    [0, undefined],
    [150, undefined],
    [300, undefined],
  ]);
  for (const { message } of rig.sent)
    expect(message).toMatchObject({ isResponse: false, flags: 0, questions: [question("BOX", "ANY")] });
  expect(new Set(rig.sent.map(({ message }) => message.id)).size).toBe(1);
  ask("box", "A");
  expect(rig.sent.at(-1)).toMatchObject({
    to: NEIGHBOUR,
    message: {
      id: 7,
      isResponse: true,
      flags: 0,
      questions: [question("box", "A")],
      answers: [{ name: "BOX", type: "A", ttl: 30, data: "10.0.0.5" }],
    },
  });
});

test.each([
  ["A", ["10.0.0.5"]],
  ["AAAA", ["fe80:0:0:0:0:0:0:1"]],
  ["ANY", ["10.0.0.5", "fe80:0:0:0:0:0:0:1"]],
  // Section 2.3: the name is there, such a record is not.
  ["MX", []],
])("a query for %s is answered with %p", (type, data) => {
  const { ask, rig } = startVerified();
  ask("BOX", type);
  expect(rig.sent.map(({ message }) => message.answers.map((record) => record.data))).toEqual([data]);
});

test("other names, responses, and what is no query of one question stay without an answer", () => {
  const { ask, rig, responder, tell } = startVerified();
  for (const name of ["OTHER", "BOX.local", "BO", ""]) ask(name, "A");
  ask("BOX", "A", { questions: [question("BOX", "A"), question("BOX", "AAAA")] });
  ask("BOX", "A", { questions: [] });
  ask("BOX", "A", { answers: [{ name: "BOX", type: "A", ttl: 1, data: "10.0.0.9" }] });
  ask("BOX", "A", { authorities: [{ name: "BOX", type: "A", ttl: 1, data: "10.0.0.9" }] });
  ask("BOX", "A", { isResponse: true });
  tell({ id: 7, questions: [question("BOX", "A")] }, { ...NEIGHBOUR, isOwn: true });
  for (const length of [0, 1, 11, 12, 20]) responder.receive(new Uint8Array(length), NEIGHBOUR);
  expect(rig.sent).toEqual([]);
  expect(rig.conflicts).toEqual([]);
});

test("while it is verified, the name is answered for as tentative", () => {
  const { ask, rig } = startResponder();
  ask("BOX", "A");
  expect(rig.sent.at(-1)?.message).toMatchObject({ flags: TENTATIVE, answers: [{ data: "10.0.0.5" }] });
});

test("a machine that has the name keeps it: no answers, and another attempt after a minute", () => {
  const { ask, rig, tell } = startResponder();
  const id = rig.sent[0]?.message.id ?? 0;
  const theirs = { id, isResponse: true, flags: 0, questions: [question("BOX", "ANY")] };
  tell({ ...theirs, id: id + 1 });
  expect(rig.conflicts).toEqual([]);
  tell(theirs);
  tell(theirs);
  expect(rig.conflicts).toEqual(["BOX"]);
  rig.run(1000);
  ask("BOX", "A");
  expect(rig.sent).toHaveLength(1);
  rig.run(62_000);
  expect(rig.sent).toHaveLength(4);
  ask("BOX", "A");
  expect(rig.sent.at(-1)?.message.isResponse).toBe(true);
  expect(rig.conflicts).toEqual(["BOX"]);
});

test.each([
  ["10.0.0.4", true],
  ["10.0.0.6", false],
])("of two that verify it at once, %s wins: %p", (address, wins) => {
  const { rig, tell } = startResponder();
  const id = rig.sent[0]?.message.id ?? 0;
  const theirs = { id, isResponse: true, flags: TENTATIVE, questions: [question("BOX", "ANY")] };
  tell(theirs, { ...NEIGHBOUR, address });
  expect(rig.conflicts).toEqual(wins ? ["BOX"] : []);
});

test("a report of a conflict is not answered, and has the name verified again, but not again and again", () => {
  const { ask, rig } = startVerified();
  rig.run(20_000);
  for (let i = 0; i < 10; i++) ask("BOX", "A", { flags: CONFLICT });
  rig.run(22_000);
  expect(rig.sent.filter(({ message }) => message.isResponse)).toEqual([]);
  expect(rig.sent).toHaveLength(3);
  ask("BOX", "A");
  expect(rig.sent.at(-1)?.message).toMatchObject({ isResponse: true, flags: 0 });
});

test("a flood gets 20 answers a second, of a bounded size", () => {
  const many = Array.from({ length: 30 }, (_, i) => `fe80::${i + 1}`);
  const { ask, rig } = startResponder(["10.0.0.5", ...many]);
  rig.run(1000);
  rig.sent = [];
  // Others are asked for at any rate.
  for (let i = 0; i < 200; i++) ask("OTHER", "ANY");
  for (let i = 0; i < 200; i++) ask("BOX", "ANY");
  expect(rig.sent).toHaveLength(20);
  expect(Math.max(...rig.sent.map(({ bytes }) => bytes.length))).toBeLessThanOrEqual(150);
  rig.run(2100);
  ask("BOX", "A");
  expect(rig.sent).toHaveLength(21);
});

test("the answer's bytes are those of RFC 4795 section 2.1", () => {
  const { responder, rig } = startVerified();
  // ID 0x1234, one question: BOX, A, IN.
  responder.receive(Buffer.from("123400000001000000000000" + "03626f7800" + "00010001", "hex"), NEIGHBOUR);
  expect(Buffer.from(rig.sent[0]?.bytes ?? []).toString("hex")).toBe(
    "123480000001000100000000" +
      "03626f7800" +
      "00010001" +
      "03424f5800" +
      "00010001" +
      "0000001e" +
      "0004" +
      "0a000005",
  );
});
