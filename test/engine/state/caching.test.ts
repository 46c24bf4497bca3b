// Oplocks and leases without a network: grants, breaks in steps, acknowledgements, time-outs, waiting.
// Expected states are those of Samba's smbtorture (smb2.lease, smb2.oplock), which hold on Windows.
import { beforeEach, expect, test } from "bun:test";
import { Status } from "../../../src/wire/status.ts";
import { BREAK_TIMEOUT_MS, CachingRig, DATA, held, R, RH, RW, RWH, STAT } from "./caching-rig.ts";

let rig: CachingRig;
beforeEach(() => {
  rig = new CachingRig();
});

test("only nothing, R, RH, RW and RWH are granted", () => {
  const granted = [0, 1, 2, 4, 3, 5, 6, 7].map((wanted) => {
    const open = rig.lease(rig.file(`/share/${wanted}`), `${wanted}`, wanted);
    return held(open);
  });
  expect(granted).toEqual(["-", "R", "-", "-", "RH", "RW", "-", "RHW"]);
});

// smb2.lease.break: the first lease, the state that a second one asks for, the first lease's state then, the
// state granted.
const CONTENTIONS: readonly (readonly [number, number, string, string])[] = [
  [R, R, "R", "R"],
  [R, RWH, "R", "RH"],
  [RH, RW, "RH", "R"],
  [RH, RWH, "RH", "RH"],
  [RW, R, "R", "R"],
  [RW, RWH, "R", "RH"],
  [RWH, R, "RH", "R"],
  [RWH, RWH, "RH", "RH"],
];
for (const [first, wanted, left, granted] of CONTENTIONS) {
  test(`two leases: ${first}, then ${wanted}`, () => {
    const file = rig.file();
    const holder = rig.lease(file, "a", first);
    if (rig.arrive(file, { key: "b" })) rig.acknowledge("a", holder.caching?.breakingTo ?? 0);
    const other = rig.lease(file, "b", wanted);
    expect([held(holder), held(other)]).toEqual([left, granted]);
    expect(rig.timerCount).toBe(0);
    // It is not upgraded while the other lease exists.
    rig.lease(file, "a", RWH);
    expect(held(holder)).toBe(left);
  });
}

// smb2.lease.oplock: a lease, then an oplock; and in the other order.
test("leases and oplocks on one file", () => {
  for (const [lease, wanted, left, granted] of [
    [R, RWH, "R", "R"],
    [RH, R, "RH", "none"],
    [RW, RW, "R", "R"],
    [RWH, RWH, "RH", "none"],
  ] as const) {
    const file = rig.file(`/share/lease ${lease}`);
    const holder = rig.lease(file, `${lease}`, lease);
    if (rig.arrive(file)) rig.acknowledge(`${lease}`, holder.caching?.breakingTo ?? 0);
    expect([held(holder), held(rig.oplock(file, wanted))]).toEqual([left, granted]);
  }
  for (const oplock of [R, RW, RWH]) {
    const file = rig.file(`/share/oplock ${oplock}`);
    const holder = rig.oplock(file, oplock);
    if (rig.arrive(file)) rig.table.acknowledgeOplock(holder.caching as never, R);
    expect([held(holder), held(rig.lease(file, `k${oplock}`, RWH))]).toEqual(["R", "R"]);
  }
});

test("a lease is upgraded when all that is asked for can be granted, and never downgraded", () => {
  const steps: readonly (readonly [number, string])[] = [
    [0, "-"],
    [R, "R"],
    [RH, "RH"],
    [RW, "RH"],
    [RWH, "RHW"],
    [R, "RHW"],
  ];
  const file = rig.file();
  const holder = rig.lease(file, "a", 0);
  const epochs = [holder.caching?.epoch];
  for (const [wanted, expected] of steps) {
    rig.lease(file, "a", wanted);
    expect(held(holder)).toBe(expected);
    epochs.push(holder.caching?.epoch);
  }
  // The epoch grows with each change of state and with nothing else.
  expect(epochs).toEqual([10, 10, 11, 12, 12, 13, 13]);
});

test("a stat open breaks nothing, and is granted nothing beside a holder with W", () => {
  const file = rig.file();
  rig.oplock(file, RW);
  expect(rig.arrive(file, { access: STAT })).toBe(false);
  expect(rig.breaks).toEqual([]);
  expect(held(rig.oplock(file, RWH, STAT))).toBe("none");
});

test("a stat open does not prevent W of others", () => {
  const file = rig.file();
  rig.open(file, STAT);
  expect(held(rig.lease(file, "a", RWH))).toBe("RHW");
  const other = rig.file("/share/other");
  rig.open(other, DATA);
  expect(held(rig.lease(other, "b", RWH))).toBe("RH");
});

test("an overwriting open breaks all rights and waits only for holders with W", () => {
  const file = rig.file();
  rig.lease(file, "a", RH);
  expect(rig.arrive(file, { overwrites: true })).toBe(false);
  expect(rig.takeBreaks()).toEqual(["a RH>-!"]);
  // Not acknowledged yet: the next one does not wait either.
  expect(rig.arrive(file, { overwrites: true })).toBe(false);
  const other = rig.file("/share/other");
  rig.lease(other, "b", RWH);
  expect(rig.arrive(other, { overwrites: true })).toBe(true);
  expect(rig.takeBreaks()).toEqual(["b RHW>-!"]);
});

test("a sharing conflict breaks H first; an exclusive oplock has no H", () => {
  const file = rig.file();
  const holder = rig.lease(file, "a", RWH);
  expect(rig.arrive(file, { conflicts: true, overwrites: true })).toBe(true);
  expect(rig.takeBreaks()).toEqual(["a RHW>RW!"]);
  expect(rig.acknowledge("a", RW)).toBe(Status.SUCCESS);
  expect(held(holder)).toBe("RW");
  expect(rig.arrive(file, { conflicts: true, again: true })).toBe(false);
  const other = rig.file("/share/other");
  rig.oplock(other, RW);
  expect(rig.arrive(other, { conflicts: true })).toBe(false);
  expect(rig.takeBreaks()).toEqual([]);
});

// smb2.lease.breaking3.
test("breaks that are asked for during a break follow in steps, R last", () => {
  const file = rig.file();
  const holder = rig.lease(file, "a", RWH);
  const epoch = holder.caching?.epoch ?? 0;
  expect(rig.arrive(file)).toBe(true);
  expect(rig.arrive(file, { overwrites: true })).toBe(true);
  expect(rig.takeBreaks()).toEqual(["a RHW>RH!"]);
  expect(rig.acknowledge("a", RH)).toBe(Status.SUCCESS);
  expect(rig.takeBreaks()).toEqual(["a RH>R!"]);
  expect(rig.arrive(file, { again: true })).toBe(true);
  expect(rig.arrive(file, { overwrites: true, again: true })).toBe(true);
  expect(rig.acknowledge("a", R)).toBe(Status.SUCCESS);
  expect(rig.takeBreaks()).toEqual(["a R>-"]);
  expect(rig.arrive(file, { overwrites: true, again: true })).toBe(false);
  expect(held(holder)).toBe("-");
  expect(holder.caching?.epoch).toBe(epoch + 1);
  expect(rig.timerCount).toBe(0);
});

test("acknowledgements that match no break are refused", () => {
  const file = rig.file();
  const holder = rig.lease(file, "a", RWH);
  expect(rig.acknowledge("b", R)).toBe(Status.OBJECT_NAME_NOT_FOUND);
  expect(rig.acknowledge("a", R)).toBe(Status.UNSUCCESSFUL);
  rig.arrive(file);
  for (const state of [RWH, RW, 6, 4]) expect(rig.acknowledge("a", state)).toBe(Status.REQUEST_NOT_ACCEPTED);
  expect(held(holder)).toBe("RHW");
  // Less than the break allows is accepted, and H without R is none.
  expect(rig.acknowledge("a", 2)).toBe(Status.SUCCESS);
  expect(held(holder)).toBe("-");
  expect(rig.acknowledge("a", 0)).toBe(Status.UNSUCCESSFUL);
  rig.close(holder);
  expect(rig.acknowledge("a", 0)).toBe(Status.OBJECT_NAME_NOT_FOUND);
});

test("without an acknowledgement in time all rights are lost, and waiting requests are called once", () => {
  const file = rig.file();
  const holder = rig.lease(file, "a", RWH);
  expect(rig.arrive(file)).toBe(true);
  let calls = 0;
  rig.table.wait(file.caching, () => calls++);
  rig.pass(BREAK_TIMEOUT_MS - 1);
  expect([calls, held(holder), rig.expired]).toEqual([0, "RHW", []]);
  rig.pass(1);
  expect([calls, held(holder), rig.expired]).toEqual([1, "-", ["a"]]);
  rig.pass(BREAK_TIMEOUT_MS);
  expect([calls, rig.timerCount]).toEqual([1, 0]);
  expect(rig.acknowledge("a", 0)).toBe(Status.UNSUCCESSFUL);
});

test("an acknowledgement stops the timer", () => {
  const file = rig.file();
  const holder = rig.lease(file, "a", RWH);
  rig.arrive(file);
  rig.pass(BREAK_TIMEOUT_MS - 1);
  rig.acknowledge("a", RH);
  rig.pass(BREAK_TIMEOUT_MS);
  expect([held(holder), rig.expired]).toEqual(["RH", []]);
});

test("a lease ends with its last open and wakes waiting requests", () => {
  const file = rig.file();
  const first = rig.lease(file, "a", RWH);
  const second = rig.lease(file, "a", RWH);
  expect(rig.arrive(file)).toBe(true);
  let calls = 0;
  const run = (): void => {
    calls++;
    if (rig.arrive(file, { again: true })) rig.table.wait(file.caching, run);
  };
  rig.table.wait(file.caching, run);
  rig.close(first);
  expect([calls, rig.table.leaseCount, file.caching.waiters.size]).toEqual([1, 1, 1]);
  rig.close(second);
  expect([calls, rig.table.leaseCount, file.caching.waiters.size, rig.timerCount]).toEqual([2, 0, 0, 0]);
  expect(rig.opens.fileCount).toBe(0);
});

test("a holder without a connection loses the rights at once", () => {
  const file = rig.file();
  const holder = rig.lease(file, "a", RWH);
  rig.isConnected = false;
  expect(rig.arrive(file)).toBe(false);
  expect([held(holder), rig.unreachable, rig.timerCount]).toEqual(["RH", ["a"], 0]);
});

// smb2.lease.nobreakself, smb2.oplock.levelii501.
test("a write breaks R of others, and the writer's own level II oplock", () => {
  const file = rig.file();
  const lease = rig.lease(file, "a", R);
  const other = rig.lease(file, "b", R);
  rig.table.breakReading(file.caching, lease.caching);
  expect(rig.takeBreaks()).toEqual(["b R>-"]);
  expect([held(lease), held(other)]).toEqual(["R", "-"]);
  const second = rig.file("/share/second");
  const writer = rig.oplock(second, R);
  rig.oplock(second, R);
  rig.table.breakReading(second.caching, writer.caching);
  expect(rig.takeBreaks()).toEqual(["oplock R>-", "oplock R>-"]);
  expect(second.caching.active).toBe(0);
});

test("a write by the holder of W breaks nothing", () => {
  const file = rig.file();
  const writer = rig.oplock(file, RWH);
  rig.table.breakReading(file.caching, writer.caching);
  expect([held(writer), rig.takeBreaks()]).toEqual(["RHW", []]);
});

test("a rename breaks H of others and not its own", () => {
  const file = rig.file();
  const mine = rig.lease(file, "a", RH);
  rig.lease(file, "b", RH);
  expect(rig.table.breakHandles(file.caching, mine)).toBe(true);
  expect(rig.takeBreaks()).toEqual(["b RH>R!"]);
  expect(rig.table.breakHandles(file.caching, mine)).toBe(true);
  rig.acknowledge("b", R);
  expect(rig.table.breakHandles(file.caching, mine)).toBe(false);
  expect([held(mine), rig.takeBreaks()]).toEqual(["RH", []]);
});

test("a change of entries breaks directory leases, except the one with the parent lease key", () => {
  const directory = rig.file("/share/directory");
  rig.lease(directory, "a", RH, DATA, true);
  const other = rig.lease(directory, "b", RH, DATA, true);
  expect([rig.table.directoryLeases, rig.directories]).toEqual([2, ["a", "b"]]);
  rig.table.breakListing(directory.caching, "a");
  expect(rig.takeBreaks()).toEqual(["b RH>-!"]);
  rig.table.breakListing(directory.caching, undefined);
  expect(rig.takeBreaks()).toEqual(["a RH>-!"]);
  rig.close(other);
  expect([rig.table.directoryLeases, rig.directories]).toEqual([1, ["a"]]);
});

test("the counts of a file return to 0", () => {
  const file = rig.file();
  const opens = [
    rig.lease(file, "a", RWH),
    rig.lease(file, "a", R),
    rig.open(file),
    rig.lease(file, "b", RH),
    rig.lease(file, "c", 0),
  ];
  rig.arrive(file, { overwrites: true });
  for (const open of opens) rig.close(open);
  const { active, activeOplocks, writers, handles, handleLeases, breaking, nonStatOpens, holders } =
    file.caching;
  expect([
    active,
    activeOplocks,
    writers,
    handles,
    handleLeases,
    breaking,
    nonStatOpens,
    holders.size,
  ]).toEqual(Array<number>(8).fill(0));
  expect([...file.uses, ...file.refusals]).toEqual(Array<number>(6).fill(0));
  expect(rig.timerCount).toBe(0);
});

test("an epoch has 16 bits", () => {
  const file = rig.file();
  const open = rig.open(file);
  rig.table.grant(
    file.caching,
    open,
    RW,
    { id: "a", key: new Uint8Array(16), keyText: "a", version: 2, parentKey: undefined },
    0xffff,
  );
  expect(open.caching?.epoch).toBe(0);
});
