// Changes that nobody waits for any more, and the changes after them.
import { expect, test } from "bun:test";
import { LateChanges } from "../../../src/engine/state/late-changes.ts";
import { ChangesUnderWay } from "../../../src/engine/vfs/changes-under-way.ts";

test("late changes of a file are known until the last has ended, whatever their outcome", async () => {
  const late = new LateChanges();
  const [file, other] = [{ identity: "1:2" }, { identity: "1:3" }];
  const first = Promise.withResolvers<number>();
  const second = Promise.withResolvers<number>();
  late.keep(file, undefined);
  expect(late.of(file)).toBeUndefined();
  late.keep(file, first.promise);
  late.keep(file, second.promise);
  expect(late.of(other)).toBeUndefined();
  let isOver = false;
  void late.of(file)?.then(() => {
    isOver = true;
  });
  second.reject(new Error("lost"));
  await Bun.sleep(0);
  expect(isOver).toBe(false);
  first.resolve(1);
  await Bun.sleep(0);
  expect(isOver).toBe(true);
  expect(late.of(file)).toBeUndefined();
});

test("a handle reports the end of the changes that it has under way", async () => {
  const changes = new ChangesUnderWay();
  expect(changes.track(5)).toBe(5);
  expect(changes.end).toBeUndefined();
  const [first, second] = [Promise.withResolvers<number>(), Promise.withResolvers<number>()];
  const tracked = changes.track(first.promise);
  const { end } = changes;
  const failing = changes.track(second.promise);
  let isOver = false;
  void end?.then(() => {
    isOver = true;
  });
  first.resolve(3);
  expect(await tracked).toBe(3);
  await Bun.sleep(0);
  expect(isOver).toBe(false);
  second.reject(new Error("lost"));
  expect(failing).rejects.toThrow("lost");
  await Bun.sleep(0);
  expect(isOver).toBe(true);
  expect(changes.end).toBeUndefined();
});
