// The flags of the elements of a LOCK request; [MS-SMB2] 2.2.26.1, 3.3.5.14.2.
import { describe, expect, test } from "bun:test";
import { isValidLock } from "../../../../src/engine/command/lock/lock.ts";
import { LockFlag } from "../../../../src/wire/command/lock.ts";

const { SHARED, EXCLUSIVE, UNLOCK, FAIL_IMMEDIATELY } = LockFlag;

describe("[MS-SMB2] 3.3.5.14.2: the flags of a lock", () => {
  test.each([
    ["shared, may wait", "valid", SHARED, 1],
    ["exclusive, may wait", "valid", EXCLUSIVE, 1],
    ["shared, fails immediately", "valid", SHARED | FAIL_IMMEDIATELY, 1],
    ["exclusive, fails immediately", "valid", EXCLUSIVE | FAIL_IMMEDIATELY, 1],
    ["shared, may wait, one of several", "invalid", SHARED, 2],
    ["exclusive, may wait, one of several", "invalid", EXCLUSIVE, 2],
    ["shared, fails immediately, one of several", "valid", SHARED | FAIL_IMMEDIATELY, 2],
    ["exclusive, fails immediately, one of several", "valid", EXCLUSIVE | FAIL_IMMEDIATELY, 1024],
    ["neither shared nor exclusive", "invalid", 0, 1],
    ["neither shared nor exclusive, fails immediately", "invalid", FAIL_IMMEDIATELY, 1],
    ["shared and exclusive", "invalid", SHARED | EXCLUSIVE, 1],
    ["an unlock behind locks", "invalid", UNLOCK, 2],
    ["an unlock that is also a lock", "invalid", UNLOCK | EXCLUSIVE, 1],
    ["an unlock that fails immediately", "invalid", UNLOCK | FAIL_IMMEDIATELY, 1],
    ["an unknown flag", "invalid", EXCLUSIVE | 0x20, 1],
  ])("%s: %s", (_, verdict, flags, count) => {
    expect(isValidLock(flags, count)).toBe(verdict === "valid");
  });
});
