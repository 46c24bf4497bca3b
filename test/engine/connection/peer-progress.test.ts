// What the time limits of connections are measured from.
import { expect, test } from "bun:test";
import { PeerProgress } from "../../../src/engine/connection/peer-progress.ts";

function rig() {
  const frames = { frameCount: 0, receivedBytes: 0, isBetween: true, isIdle: () => frames.isBetween };
  return { frames, progress: new PeerProgress(frames) };
}

test("a message that gets on by 256 KiB has its time anew, one that gets on by less has not", () => {
  const { frames, progress } = rig();
  progress.begin(1000);
  frames.isBetween = false;
  frames.receivedBytes = 262_143;
  progress.note(2000);
  expect(progress.frameAgeMs(3000)).toBe(2000);
  progress.begin(3000);
  frames.receivedBytes++;
  progress.note(3000);
  expect(progress.frameAgeMs(3500)).toBe(500);
  frames.receivedBytes += 100;
  progress.note(4000);
  expect(progress.frameAgeMs(4000)).toBe(1000);
});

test("what is incomplete after a complete message began to arrive with its end", () => {
  const { frames, progress } = rig();
  progress.begin(0);
  frames.isBetween = false;
  frames.frameCount = 1;
  frames.receivedBytes = 10;
  progress.note(5000);
  expect(progress.frameAgeMs(6000)).toBe(1000);
  frames.isBetween = true;
  expect(progress.frameAgeMs(9000)).toBe(0);
});

test("the time for which the server was stopped counts neither for a message nor for an end", () => {
  const { frames, progress } = rig();
  progress.excuse(7);
  expect([progress.hasEnded, progress.endingMs(5000)]).toEqual([false, 0]);
  progress.begin(1000);
  frames.isBetween = false;
  progress.end(2000);
  progress.excuse(60_000);
  expect(progress.frameAgeMs(61_500)).toBe(500);
  expect(progress.endingMs(62_500)).toBe(500);
});
