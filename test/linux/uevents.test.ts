// Events of devices: which ones count, and that the kernel sends them.
import { expect, test } from "bun:test";
import { accessSync, constants, readdirSync, writeFileSync } from "node:fs";
import { closeFd } from "../../src/linux/open.ts";
import { drainBlockEvents, isBlockEvent, openUevents } from "../../src/linux/uevents.ts";

const event = (...lines: readonly string[]): Uint8Array => Buffer.from(`${lines.join("\0")}\0`);

test("an event of a disk or partition counts, others and damaged ones do not", () => {
  const fields = ["add@/devices/x/block/sda", "ACTION=add", "DEVPATH=/devices/x/block/sda"];
  expect(isBlockEvent(event(...fields, "SUBSYSTEM=block", "DEVNAME=sda"))).toBe(true);
  expect(isBlockEvent(event(...fields, "SUBSYSTEM=usb"))).toBe(false);
  expect(isBlockEvent(event(...fields, "DEVNAME=SUBSYSTEM=block"))).toBe(false);
  expect(isBlockEvent(new Uint8Array(0))).toBe(false);
  expect(isBlockEvent(new Uint8Array(100).fill(0xff))).toBe(false);
});

const [device] = readdirSync("/sys/class/block").filter((name) => canTrigger(name));

function canTrigger(name: string): boolean {
  try {
    accessSync(`/sys/class/block/${name}/uevent`, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

test.skipIf(device === undefined)("the kernel's event of a disk arrives", async () => {
  const fd = openUevents();
  expect(fd).toBeGreaterThan(0);
  expect(drainBlockEvents(fd)).toBe(false);
  writeFileSync(`/sys/class/block/${device}/uevent`, "change");
  let hasArrived = false;
  for (let waits = 0; waits < 100 && !hasArrived; waits++) {
    await Bun.sleep(10);
    hasArrived = drainBlockEvents(fd);
  }
  expect(hasArrived).toBe(true);
  closeFd(fd);
});
