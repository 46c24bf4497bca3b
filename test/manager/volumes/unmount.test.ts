// Whether a disk can be taken out.
import { expect, test } from "bun:test";
import { withFewDescriptors } from "../../few-descriptors.ts";
import { isInUse } from "../../../src/manager/volumes/unmount.ts";

test("a disk that nobody can be asked about for want of descriptors is not safe to take out", () => {
  expect(isInUse("/dev/null")).toBe(false);
  withFewDescriptors(0, () => {
    expect(isInUse("/dev/null")).toBe(true);
  });
});
