// Questions whether a user may list a folder: each is asked after the change, and workers have one for each
// folder at a time.
import { describe, expect, test } from "bun:test";
import { ListRights } from "../../../../src/engine/vfs/local/list-rights.ts";
import type { Failure } from "../../../../src/engine/vfs/store.ts";
import { Errno } from "../../../../src/linux/errno.ts";
import type { MaybePromise, ShareGrant } from "../../../../src/port/port.ts";

type Result = 0 | Failure;

/** A disk whose answers the test gives, in the order of the questions. */
class Disk {
  readonly asked: string[] = [];
  grant = { credentials: { uid: 1, gid: 1, groups: [] } } as unknown as ShareGrant;
  now: Result | undefined;
  private readonly open: { resolve: (result: Result) => void; reject: (error: Error) => void }[] = [];

  mayList(path: string): MaybePromise<Result> {
    this.asked.push(path);
    if (this.now !== undefined) return this.now;
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    this.open.push({ resolve, reject });
    return promise;
  }

  async say(result: Result | Error): Promise<void> {
    const first = this.open.shift();
    if (result instanceof Error) first?.reject(result);
    else first?.resolve(result);
    await Bun.sleep(0);
  }
}

test.each([
  ["0", 0, true],
  ["-EACCES", -Errno.EACCES, false],
  ["-EPERM", -Errno.EPERM, false],
  ["-ENOENT", -Errno.ENOENT, undefined],
  ["-ETIMEDOUT", -Errno.ETIMEDOUT, undefined],
] as const)("%s is the same answer at once and from a worker", async (_, result, expected) => {
  const disk = new Disk();
  const rights = new ListRights(disk);
  disk.now = result;
  expect(rights.ask("a")).toBe(expected);
  disk.now = undefined;
  const later = rights.ask("a");
  await disk.say(result);
  expect(await later).toBe(expected);
});

describe("while a worker is asked about a folder", () => {
  test("later changes wait for one more question, which is asked after them", async () => {
    const disk = new Disk();
    const rights = new ListRights(disk);
    const [first, second, third] = [rights.ask("a"), rights.ask("a"), rights.ask("a")];
    expect(disk.asked).toEqual(["a"]);
    await disk.say(0);
    expect(await first).toBe(true);
    expect(disk.asked).toEqual(["a", "a"]);
    const fourth = rights.ask("a");
    await disk.say(-Errno.EACCES);
    expect(await Promise.all([second, third])).toEqual([false, false]);
    await disk.say(0);
    expect(await fourth).toBe(true);
    expect(disk.asked).toHaveLength(3);
  });

  test("the next answer comes at once where the disk is healthy again", async () => {
    const disk = new Disk();
    const rights = new ListRights(disk);
    const [first, second] = [rights.ask("a"), rights.ask("a")];
    disk.now = 0;
    await disk.say(0);
    expect(await Promise.all([first, second])).toEqual([true, true]);
    expect(rights.ask("a")).toBe(true);
  });

  test("it answers nothing for a user whose groups have changed", async () => {
    const disk = new Disk();
    const rights = new ListRights(disk);
    const answer = rights.ask("a");
    disk.grant = { credentials: { uid: 1, gid: 1, groups: [] } } as unknown as ShareGrant;
    await disk.say(0);
    expect(await answer).toBeUndefined();
  });

  test("the failure of a worker is passed on, and the next question is asked all the same", async () => {
    const disk = new Disk();
    const rights = new ListRights(disk);
    const settled = Promise.allSettled([rights.ask("a"), rights.ask("a")]);
    const fault = new Error("no such operation");
    await disk.say(fault);
    await disk.say(0);
    expect(await settled).toEqual([
      { status: "rejected", reason: fault },
      { status: "fulfilled", value: true },
    ]);
    disk.now = 0;
    expect(rights.ask("a")).toBe(true);
  });

  test("others are asked about as well, up to 256; of more the answer is unknown", async () => {
    const disk = new Disk();
    const rights = new ListRights(disk);
    const answers = Array.from({ length: 256 }, (_, i) => rights.ask(`f${i}`));
    expect(rights.ask("one more")).toBeUndefined();
    expect(disk.asked).toHaveLength(256);
    for (const _ of answers) await disk.say(0);
    expect(new Set(await Promise.all(answers))).toEqual(new Set([true]));
    expect(rights.ask("one more")).toBeInstanceOf(Promise);
  });
});
