// The limit for concurrent changes of large streams on one file system.
import { describe, expect, test } from "bun:test";
import { throughGate } from "../../../../src/engine/vfs/stream/stream-gate.ts";
import type { FileNode } from "../../../../src/engine/vfs/store.ts";

const LARGE = 16 * 1_048_576;

function nodeOn(device: number): FileNode {
  return { stat: { device } } as unknown as FileNode;
}

/** Steps that end on request, and counts of those started and active. */
class Steps {
  active = 0;
  most = 0;
  started = 0;
  private readonly ends: ((isWell: boolean) => void)[] = [];

  readonly step = (): Promise<number> => {
    this.started++;
    this.most = Math.max(this.most, ++this.active);
    return new Promise((resolve, reject) =>
      this.ends.push((isWell) => {
        this.active--;
        if (isWell) resolve(this.started);
        else reject(new Error("broken"));
      }),
    );
  };

  async endOne(isWell = true): Promise<void> {
    this.ends.shift()?.(isWell);
    await Bun.sleep(0);
  }
}

describe("changes of streams on one disk", () => {
  test("run two at a time, also after one that fails", async () => {
    const steps = new Steps();
    const outcomes = Array.from({ length: 50 }, () =>
      Promise.resolve(throughGate(nodeOn(1), LARGE, steps.step)).then(
        () => "well",
        () => "failed",
      ),
    );
    for (let i = 0; i < 50; i++) {
      expect(steps.active).toBe(i < 49 ? 2 : 1);
      await steps.endOne(i % 7 !== 0);
    }
    const ended = await Promise.all(outcomes);
    expect(ended.filter((each) => each === "failed")).toHaveLength(8);
    expect(steps.most).toBe(2);
  });

  test("that throw or end synchronously free their slot", async () => {
    const node = nodeOn(2);
    for (let i = 0; i < 5; i++) {
      expect(throughGate(node, LARGE, () => i)).toBe(i);
      expect(() =>
        throughGate(node, LARGE, () => {
          throw new Error("thrown");
        }),
      ).toThrow("thrown");
    }
    const steps = new Steps();
    const waiting = [1, 2, 3].map(() => throughGate(node, LARGE, steps.step));
    expect(steps.active).toBe(2);
    for (let i = 0; i < 3; i++) await steps.endOne();
    expect(await Promise.all(waiting)).toHaveLength(3);
  });

  test("do not delay another disk, or short writes", async () => {
    const [one, other] = [new Steps(), new Steps()];
    const waiting = [1, 2, 3].map(() => throughGate(nodeOn(3), LARGE, one.step));
    waiting.push(throughGate(nodeOn(4), LARGE, other.step));
    for (let i = 0; i < 9; i++) waiting.push(throughGate(nodeOn(3), 65_536, other.step));
    expect([one.active, other.active]).toEqual([2, 10]);
    for (let i = 0; i < 3; i++) await one.endOne();
    for (let i = 0; i < 10; i++) await other.endOne();
    await Promise.all(waiting);
  });
});
