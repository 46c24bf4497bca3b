// What a watch keeps: the order of changes that wait for the disk's answer, what they count, and what an
// overflow forgets.
import { describe, expect, test } from "bun:test";
import { KeptChanges, type MayLearn, type OfferedChange } from "../../../src/engine/state/kept-changes.ts";
import { NotifyAction } from "../../../src/wire/fscc/notify.ts";

class Rig {
  readonly all = { bytes: 0 };
  readonly kept: KeptChanges;
  /** How often changes came that can be taken. */
  decided = 0;

  constructor(outputBytes = 1000) {
    this.kept = new KeptChanges(outputBytes, this.all, () => void this.decided++);
  }

  take(outputBytes = 1000): string[] | undefined {
    return this.kept.take(outputBytes)?.map(({ name }) => name);
  }
}

function offer(name: string, mayLearn: OfferedChange["mayLearn"]): OfferedChange {
  return { change: { action: NotifyAction.ADDED, name }, mayLearn };
}

interface Question {
  readonly answer: Promise<MayLearn>;
  say(answer: MayLearn): Promise<void>;
}

function question(): Question {
  const { promise, resolve } = Promise.withResolvers<MayLearn>();
  return {
    answer: promise,
    say: async (answer) => {
      resolve(answer);
      await Bun.sleep(0);
    },
  };
}

describe("a change that waits for an answer", () => {
  test("holds back those after it, and not those before it", async () => {
    const rig = new Rig();
    const first = question();
    rig.kept.add(offer("before", true));
    rig.kept.add(offer("asked", first.answer));
    rig.kept.add(offer("after", true));
    expect(rig.take()).toEqual(["before"]);
    expect(rig.kept.hasAny).toBe(false);
    await first.say(true);
    expect(rig.decided).toBe(1);
    expect(rig.take()).toEqual(["asked", "after"]);
    expect(rig.all.bytes).toBe(0);
  });

  test("keeps its place where a later one is answered first", async () => {
    const rig = new Rig();
    const [first, second] = [question(), question()];
    rig.kept.add(offer("first", first.answer));
    rig.kept.add(offer("second", second.answer));
    await second.say(true);
    expect([rig.decided, rig.kept.hasAny]).toEqual([0, false]);
    await first.say(true);
    expect(rig.take()).toEqual(["first", "second"]);
  });

  test("is not reported where the client must not learn of it", async () => {
    const rig = new Rig();
    const first = question();
    rig.kept.add(offer("secret", first.answer));
    rig.kept.add(offer("secret too", false), offer("public", true));
    await first.say(false);
    expect(rig.take()).toEqual(["public"]);
    expect(rig.all.bytes).toBe(0);
  });

  test("is an overflow where nobody can tell; what came with it and after it is part of that", async () => {
    const rig = new Rig();
    const first = question();
    rig.kept.add(offer("asked", first.answer));
    rig.kept.add(offer("after", true));
    await first.say(undefined);
    expect([rig.decided, rig.kept.hasOverflowed]).toEqual([1, true]);
    expect(rig.take()).toBeUndefined();
    expect([rig.kept.hasAny, rig.all.bytes]).toEqual([false, 0]);
  });

  test("comes together with the other name of its rename", async () => {
    const rig = new Rig();
    const [from, to] = [question(), question()];
    rig.kept.add(offer("from", from.answer), offer("to", to.answer));
    await from.say(true);
    expect(rig.kept.hasAny).toBe(false);
    await to.say(true);
    expect(rig.take()).toEqual(["from", "to"]);
  });

  test("counts, and is forgotten by an overflow: a late answer changes nothing", async () => {
    const rig = new Rig(60);
    const [first, second] = [question(), question()];
    rig.kept.add(offer("asked", first.answer));
    rig.kept.add(offer("too much for the buffer of this watch", second.answer));
    expect(rig.take()).toBeUndefined();
    expect(rig.all.bytes).toBe(0);
    rig.kept.add(offer("new", true));
    await first.say(true);
    await second.say(undefined);
    expect(rig.take()).toEqual(["new"]);
  });

  test("is forgotten with those that do not fit into the buffer of a request: the client enumerates", async () => {
    const rig = new Rig();
    const first = question();
    rig.kept.add(offer("a long name that is there", true));
    rig.kept.add(offer("asked", first.answer));
    expect(rig.take(20)).toBeUndefined();
    await first.say(true);
    expect([rig.decided, rig.kept.hasAny, rig.all.bytes]).toEqual([0, false, 0]);
  });

  test("of all watches is kept up to 4 MiB", () => {
    const rig = new Rig();
    rig.all.bytes = 4 * 1024 * 1024 - 20;
    rig.kept.add(offer("asked", question().answer));
    expect(rig.kept.hasOverflowed).toBe(true);
    expect(rig.all.bytes).toBe(4 * 1024 * 1024 - 20);
  });
});
