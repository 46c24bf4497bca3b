// The responder of one link with a fake clock: when it probes, announces, answers and gives way; RFC 6762.
import { expect, test } from "bun:test";
import { Timers } from "../../../src/loop/timers.ts";
import type { BackupDisk } from "../../../src/manager/discovery/backup-disks.ts";
import { decodeMessage } from "../../../src/manager/discovery/dns-decode.ts";
import { type DnsMessage, encodeMessage } from "../../../src/manager/discovery/dns-message.ts";
import type { Peer } from "../../../src/manager/discovery/link-sockets.ts";
import { MdnsResponder } from "../../../src/manager/discovery/mdns-responder.ts";
import { asLabel, recordsOf, renamed } from "../../../src/manager/discovery/service-records.ts";

const IDENTITY = { host: "box", instance: "Box", port: 445, model: "MacSamba", backupDisks: [] };
const NEIGHBOUR: Peer = { address: "10.0.0.9", port: 5353, isOwn: false };

const ADDRESSES = ["10.0.0.1", "fe80::1"];
const BACKUPS = { share: "Backups", id: "C0FFEE00-0000-5000-8000-000000000000" };

function startResponder(backupDisks: readonly BackupDisk[] = []) {
  const rig = {
    now: 0,
    conflicts: 0,
    sent: [] as { atMs: number; message: DnsMessage; to: Peer | undefined }[],
    run(untilMs: number) {
      for (; rig.now < untilMs; rig.now += 10) timers.runDue();
    },
  };
  const timers = new Timers(
    () => rig.now,
    () => () => {},
  );
  timers.setDriven(true);
  const records = recordsOf({ ...IDENTITY, backupDisks }, ADDRESSES);
  const responder = new MdnsResponder(records, {
    timers,
    now: () => rig.now,
    random: () => 0.5,
    send: (bytes, to) => {
      const message = decodeMessage(bytes);
      if (message) rig.sent.push({ atMs: rig.now, message, to });
    },
    conflict: () => rig.conflicts++,
  });
  responder.start();
  const ask = (message: Partial<DnsMessage>, from = NEIGHBOUR) =>
    responder.receive(encodeMessage(message), from);
  return { rig, responder, ask };
}

function startEstablished(backupDisks: readonly BackupDisk[] = []) {
  const all = startResponder(backupDisks);
  all.rig.run(3000);
  all.rig.sent = [];
  return all;
}

const question = (name: string, type: string) => ({ name, type, wantsUnicast: false });

test("three probes a quarter of a second apart, then two announcements a second apart", () => {
  const { rig } = startResponder();
  rig.run(5000);
  const probes = rig.sent.filter(({ message }) => !message.isResponse);
  const announcements = rig.sent.filter(({ message }) => message.isResponse);
  expect(probes.map(({ atMs }) => atMs)).toEqual([130, 380, 630]);
  expect(announcements.map(({ atMs }) => atMs)).toEqual([880, 1880]);
  expect(probes[0]?.message.questions.map(({ name, type }) => `${name} ${type}`)).toEqual([
    "box.local ANY",
    "Box._smb._tcp.local ANY",
    "Box._device-info._tcp.local ANY",
  ]);
  expect(probes[0]?.message.authorities).toHaveLength(5);
  expect(announcements[0]?.message.answers.map(({ type, flush }) => `${type} ${flush}`)).toEqual([
    "A true",
    "AAAA true",
    "SRV true",
    "TXT true",
    "TXT true",
    "PTR false",
    "PTR false",
  ]);
});

test("a question for the service is answered with all that a client needs, and not repeated within a second", () => {
  const { rig, ask } = startEstablished();
  ask({ questions: [question("_SMB._tcp.local", "PTR")] });
  ask({ questions: [question("_smb._tcp.local", "PTR")] });
  rig.run(rig.now + 500);
  expect(rig.sent).toHaveLength(1);
  const [{ message, to } = { message: undefined, to: undefined }] = rig.sent;
  expect(to).toBeUndefined();
  expect(message?.answers.map(({ type, data }) => `${type} ${String(data)}`)).toEqual([
    "PTR Box._smb._tcp.local",
  ]);
  expect(message?.additionals.map(({ type }) => type).sort()).toEqual(["A", "AAAA", "SRV", "TXT"]);
  ask({ questions: [question("_smb._tcp.local", "PTR")] });
  rig.run(rig.now + 300);
  expect(rig.sent).toHaveLength(1);
});

test("what a client knows is not said again, unless it will soon forget it", () => {
  const { rig, ask } = startEstablished();
  const known = (ttl: number) => ({ name: "_smb._tcp.local", type: "PTR", ttl, data: "Box._smb._tcp.local" });
  ask({ questions: [question("_smb._tcp.local", "PTR")], answers: [known(4000)] });
  rig.run(rig.now + 1000);
  expect(rig.sent).toEqual([]);
  ask({ questions: [question("_smb._tcp.local", "PTR")], answers: [known(1000)] });
  rig.run(rig.now + 1000);
  expect(rig.sent).toHaveLength(1);
});

test("an ordinary resolver gets an answer of its own, with its question, its number and short times", () => {
  const { rig, ask } = startEstablished();
  ask(
    { id: 77, questions: [question("box.local", "A")] },
    { address: "10.0.0.9", port: 40_000, isOwn: false },
  );
  expect(rig.sent.map(({ to }) => to?.port)).toEqual([40_000]);
  expect(rig.sent[0]?.message).toMatchObject({ id: 77, answers: [{ type: "A", ttl: 10, flush: false }] });
});

test("the machine's name has no other records: NSEC says so", () => {
  const { rig, ask } = startEstablished();
  ask({ questions: [question("box.local", "HINFO")] });
  rig.run(rig.now + 100);
  // RFC 4034 section 4.1: the next name, then window 0 with the bits of A (1) and AAAA (28).
  const data = Buffer.from("03626f78056c6f63616c00" + "0004" + "40000008", "hex");
  expect(rig.sent[0]?.message.answers).toMatchObject([{ type: "NSEC", data }]);
  ask({ questions: [question("other.local", "A")] });
  rig.run(rig.now + 1000);
  expect(rig.sent).toHaveLength(1);
});

test("another machine's record of a name of ours is a conflict; the same data, a goodbye and our own echo are none", () => {
  const { rig, ask } = startEstablished();
  const answer = (data: string, ttl = 120) => ({ name: "BOX.local", type: "A", ttl, data });
  ask({ isResponse: true, answers: [answer("10.0.0.1")] });
  ask({ isResponse: true, answers: [answer("10.0.0.7", 0)] });
  ask({ isResponse: true, answers: [answer("10.0.0.7")] }, { ...NEIGHBOUR, isOwn: true });
  expect(rig.conflicts).toBe(0);
  ask({ isResponse: true, answers: [answer("10.0.0.7")] });
  expect(rig.conflicts).toBe(1);
});

test("of two that probe at once the one with the later data goes on, the other waits a second", () => {
  const probe = (data: string): Partial<DnsMessage> => ({
    questions: [question("box.local", "ANY")],
    authorities: [{ name: "box.local", type: "A", ttl: 120, data }],
  });
  const winner = startResponder();
  winner.rig.run(200);
  winner.ask(probe("10.0.0.0"));
  winner.rig.run(400);
  expect(winner.rig.sent).toHaveLength(2);
  const loser = startResponder();
  loser.rig.run(200);
  loser.ask(probe("10.0.0.200"));
  loser.rig.run(1100);
  expect(loser.rig.sent).toHaveLength(1);
  loser.rig.run(1300);
  expect(loser.rig.sent).toHaveLength(2);
});

test("a goodbye ends what was announced; before an announcement there is none", () => {
  const early = startResponder();
  early.rig.run(300);
  early.responder.stop();
  expect(early.rig.sent.filter(({ message }) => message.isResponse)).toEqual([]);
  const { rig, responder } = startEstablished();
  responder.stop();
  expect(rig.sent[0]?.message.answers.map(({ ttl }) => ttl)).toEqual([0, 0, 0, 0, 0, 0, 0]);
  rig.run(rig.now + 3000);
  expect(rig.sent).toHaveLength(1);
});

test("a share for backups is announced as a disk of _adisk._tcp, with the text of Time Capsules", () => {
  const { rig, ask } = startEstablished([BACKUPS]);
  ask({ questions: [question("_adisk._tcp.local", "PTR")] });
  rig.run(rig.now + 500);
  const [{ message } = { message: undefined }] = rig.sent;
  expect(message?.answers.map(({ type, data }) => `${type} ${String(data)}`)).toEqual([
    "PTR Box._adisk._tcp.local",
  ]);
  const text = message?.additionals.find(({ type }) => type === "TXT")?.data as Uint8Array[];
  expect(text.map((string) => Buffer.from(string).toString())).toEqual([
    "sys=waMa=0,adVF=0x100",
    "dk0=adVN=Backups,adVF=0x82,adVU=C0FFEE00-0000-5000-8000-000000000000",
  ]);
  expect(message?.additionals.map(({ type }) => type).sort()).toEqual(["A", "AAAA", "SRV", "TXT"]);
});

test("a responder whose disks for backups change says goodbye to what is no longer announced, and to nothing else", () => {
  const gone = startEstablished([BACKUPS]);
  gone.responder.stop(recordsOf(IDENTITY, ADDRESSES));
  const goodbyes = gone.rig.sent.flatMap(({ message }) => message.answers);
  expect(goodbyes.map(({ name, type, ttl }) => `${name} ${type} ${ttl}`)).toEqual([
    "Box._adisk._tcp.local SRV 0",
    "Box._adisk._tcp.local TXT 0",
    "_adisk._tcp.local PTR 0",
    "_services._dns-sd._udp.local PTR 0",
  ]);
  const added = startEstablished([BACKUPS]);
  added.responder.stop(recordsOf({ ...IDENTITY, backupDisks: [BACKUPS, BACKUPS] }, ADDRESSES));
  expect(added.rig.sent).toEqual([]);
});

test("a flood is answered at most a hundred times a second, and bytes that are no message not at all", () => {
  const { rig, responder, ask } = startEstablished();
  const from = { address: "10.0.0.9", port: 40_000, isOwn: false };
  for (let i = 0; i < 1000; i++) ask({ questions: [question("box.local", "A")] }, from);
  expect(rig.sent.length).toBeLessThanOrEqual(100);
  rig.run(rig.now + 1100);
  rig.sent = [];
  const good = encodeMessage({ questions: [question("box.local", "A")] });
  for (let length = 0; length < good.length; length++) responder.receive(good.subarray(0, length), from);
  const loop = Uint8Array.from(good);
  loop.set([0xc0, 12], 12);
  responder.receive(loop, from);
  expect(rig.sent).toEqual([]);
});

test("names become labels of at most 63 bytes, also with a number", () => {
  expect(asLabel("nas.home\n")).toBe("nas home");
  expect(asLabel("...")).toBe("minismbd");
  const long = asLabel("ä".repeat(60));
  expect(Buffer.byteLength(long)).toBe(62);
  expect(Buffer.byteLength(renamed({ ...IDENTITY, instance: long }, 9).instance)).toBeLessThanOrEqual(63);
  expect(renamed(IDENTITY, 1)).toMatchObject({ host: "box-2", instance: "Box (2)" });
});
