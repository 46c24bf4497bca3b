// When disks are mounted by 'automount disks': each once, and not against the administrator's will.
import { expect, test } from "bun:test";
import type { AutomountAnswer, AutomountQuestion } from "../../../src/manager/volumes/automount.ts";
import { Automounter } from "../../../src/manager/volumes/automounter.ts";

class Machine {
  readonly present = new Set<string>();
  readonly mounted = new Set<string>();
  readonly broken = new Set<string>();
  readonly log: string[] = [];
  hasDescriptors = true;
  hasAccounts = true;
  /** How often it wants to look again. */
  due = 0;
  asked = 0;
  nowMs = 0;
  readonly automounter = new Automounter({
    ask: (question) => Promise.resolve(this.hasDescriptors ? this.answer(question) : "later"),
    mountedDevices: () => this.mounted,
    owner: () => (this.hasAccounts ? { uid: 1, gid: 1 } : undefined),
    lookLater: () => this.due++,
    now: () => this.nowMs,
    info: (text) => this.log.push(text),
    warn: (text) => this.log.push(text),
  });

  private answer({ skip }: AutomountQuestion): AutomountAnswer {
    this.asked++;
    const free = [...this.present].filter((device) => !this.mounted.has(device) && !skip.includes(device));
    const mounted = free.filter((device) => !this.broken.has(device));
    for (const device of this.mounted) if (!this.present.has(device)) this.mounted.delete(device);
    for (const device of mounted) this.mounted.add(device);
    const failed = free.filter((device) => this.broken.has(device));
    return {
      present: [...this.present],
      mounted,
      failed: failed.map((device) => ({ device, reason: "bad superblock" })),
    };
  }
}

test("a disk is mounted when it comes, and again when it is plugged in again", async () => {
  const machine = new Machine();
  machine.present.add("sda1");
  await machine.automounter.look();
  expect([...machine.mounted]).toEqual(["sda1"]);
  machine.present.delete("sda1");
  await machine.automounter.look();
  machine.present.add("sda1");
  await machine.automounter.look();
  expect([...machine.mounted]).toEqual(["sda1"]);
});

test("a disk that somebody unmounts is left alone until it is plugged in again", async () => {
  const machine = new Machine();
  machine.present.add("sda1");
  await machine.automounter.look();
  machine.mounted.delete("sda1");
  await machine.automounter.look();
  await machine.automounter.look();
  expect([...machine.mounted]).toEqual([]);
  machine.present.delete("sda1");
  await machine.automounter.look();
  machine.present.add("sda1");
  await machine.automounter.look();
  expect([...machine.mounted]).toEqual(["sda1"]);
});

test("a disk that comes while no descriptors are left is mounted when there are some", async () => {
  const machine = new Machine();
  machine.present.add("sda1");
  machine.hasDescriptors = false;
  await machine.automounter.look();
  machine.hasAccounts = false;
  await machine.automounter.look();
  expect([machine.due, machine.asked]).toEqual([2, 0]);
  machine.hasDescriptors = machine.hasAccounts = true;
  await machine.automounter.look();
  expect([[...machine.mounted], machine.due]).toEqual([["sda1"], 2]);
});

test("a disk that cannot be mounted is tried once, with one log line", async () => {
  const machine = new Machine();
  machine.present.add("sda1");
  machine.broken.add("sda1");
  for (let count = 0; count < 10; count++) await machine.automounter.look();
  expect(machine.log).toEqual(["the disk /dev/sda1 cannot be mounted: bad superblock"]);
});

test("events that come while disks are asked are one more question", async () => {
  const machine = new Machine();
  await Promise.all(Array.from({ length: 100 }, () => machine.automounter.look()));
  expect(machine.asked).toBe(2);
});
