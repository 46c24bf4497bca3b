// What a watch does with the store's answers whether its client may learn of a change.
import { expect, test } from "bun:test";
import { mayLearnBelow } from "../../../../src/engine/command/notify/may-learn.ts";
import type { MaybePromise } from "../../../../src/port/port.ts";

type Answer = boolean | undefined;

function watch(answer: () => MaybePromise<Answer>) {
  const asked: string[] = [];
  const errors: string[] = [];
  const store = {
    seesBelow(directory: string, path: string): MaybePromise<Answer> {
      asked.push(`${directory} ${path}`);
      return answer();
    },
  };
  const mayLearn = mayLearnBelow(store, () => "docs", { error: (text) => errors.push(text) });
  return { mayLearn, asked, errors };
}

test("an answer that is at hand needs no promise", () => {
  const { mayLearn, asked } = watch(() => false);
  expect(mayLearn("a/b")).toBe(false);
  expect(asked).toEqual(["docs a/b"]);
});

test("a worker that fails leaves the answer unknown, and the log has its first failure", async () => {
  const { mayLearn, errors } = watch(() => Promise.reject(new Error("no such operation")));
  expect([await mayLearn("a/b"), await mayLearn("a/c")]).toEqual([undefined, undefined]);
  expect(errors).toEqual([expect.stringMatching(/^internal error in CHANGE_NOTIFY: .*no such operation/)]);
});
