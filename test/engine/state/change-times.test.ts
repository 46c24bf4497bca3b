// ChangeTimes that clients have set.
import { expect, test } from "bun:test";
import { ChangeTimes } from "../../../src/engine/state/change-times.ts";

function statOf(inodeLow: number, changeSeconds: number, device = 1, inodeHigh = 0) {
  return { device, inodeLow, inodeHigh, changeSeconds, changeNanoseconds: 5 };
}
const SET = { seconds: 7, nanoseconds: 700 };

test("apply sets the client's time while ctime stays the same, also twice on one record", () => {
  const times = new ChangeTimes();
  times.remember(statOf(1, 100), SET);
  const stat = statOf(1, 100);
  times.apply(stat);
  times.apply(stat);
  expect([stat.changeSeconds, stat.changeNanoseconds]).toEqual([7, 700]);
  expect(times.count).toBe(1);
});

test("another ctime drops the time set", () => {
  const times = new ChangeTimes();
  times.remember(statOf(1, 100), SET);
  const changed = statOf(1, 101);
  times.apply(changed);
  expect(changed.changeSeconds).toBe(101);
  expect(times.count).toBe(0);
});

test("files of other disks, and files that share the low half of the inode number, are not changed", () => {
  const times = new ChangeTimes();
  times.remember(statOf(1, 100), SET);
  for (const other of [statOf(2, 100), statOf(1, 100, 2), statOf(1, 100, 1, 9)]) {
    times.apply(other);
    expect(other.changeSeconds).toBe(100);
  }
  expect(times.count).toBe(1);
});

test("the oldest are dropped beyond the limit", () => {
  const times = new ChangeTimes();
  for (let inode = 1; inode <= 5000; inode++) times.remember(statOf(inode, 100), SET);
  expect(times.count).toBe(4096);
  const first = statOf(1, 100);
  const last = statOf(5000, 100);
  times.apply(first);
  times.apply(last);
  expect([first.changeSeconds, last.changeSeconds]).toEqual([100, 7]);
});

test("hold keeps the time that clients saw before: the disk's, or the one that a client has set", () => {
  const times = new ChangeTimes();
  times.hold(statOf(1, 100), statOf(1, 200));
  times.remember(statOf(2, 100), SET);
  times.hold(statOf(2, 100), statOf(2, 200));
  times.hold(statOf(2, 200), statOf(2, 300));
  const [ofDisk, ofClient] = [statOf(1, 200), statOf(2, 300)];
  times.apply(ofDisk);
  times.apply(ofClient);
  expect([ofDisk.changeSeconds, ofClient.changeSeconds]).toEqual([100, 7]);
});
