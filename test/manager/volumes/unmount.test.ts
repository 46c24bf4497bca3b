// Whether a disk can be taken out.
import { expect, test } from "bun:test";
import { openFileLimit, setOpenFileLimit } from "../../../src/linux/limits.ts";
import { isInUse } from "../../../src/manager/volumes/unmount.ts";

test("a disk that nobody can be asked about for want of descriptors is not safe to take out", () => {
  expect(isInUse("/dev/null")).toBe(false);
  const limit = openFileLimit();
  if (typeof limit === "number") throw new Error("the limit of descriptors is unknown");
  setOpenFileLimit({ ...limit, soft: 0 });
  try {
    expect(isInUse("/dev/null")).toBe(true);
  } finally {
    setOpenFileLimit(limit);
  }
});
