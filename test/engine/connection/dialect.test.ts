// The choice of the dialect and what each dialect has; [MS-SMB2] 3.3.5.4, 3.1.4.1.
import { expect, test } from "bun:test";
import { chooseDialect, DIALECTS } from "../../../src/engine/connection/dialect.ts";

const LOWEST = 0x0202;
const HIGHEST = 0x0311;

test.each([
  ["the newest that both have", [0x0202, 0x0210, 0x0300, 0x0302, 0x0311], LOWEST, HIGHEST, 0x0311],
  ["whatever the order of the client's list", [0x0302, 0x0202, 0x0210], LOWEST, HIGHEST, 0x0302],
  ["none above the server's maximum", [0x0202, 0x0210, 0x0311], LOWEST, 0x0302, 0x0210],
  ["none below the server's minimum", [0x0202, 0x0210], 0x0300, HIGHEST, undefined],
  ["the minimum and the maximum themselves", [0x0300], 0x0300, 0x0300, 0x0300],
  ["no unknown dialect", [0x0222, 0x02ff, 0x0310, 0xffff], LOWEST, HIGHEST, undefined],
  ["none of an empty list", [], LOWEST, HIGHEST, undefined],
])("3.3.5.4: %s", (_, offered, min, max, expected) => {
  expect(chooseDialect(offered, min, max)?.revision).toBe(expected);
});

test("what each dialect has", () => {
  const table = DIALECTS.map((each) => [
    each.name,
    each.revision,
    each.hasMultiCredit,
    each.hasChannelSequence,
    each.hasEncryption,
    each.hasEncryptionCapability,
    each.hasNegotiateContexts,
    each.defaultSigning,
  ]);
  expect(table).toEqual([
    ["2.0.2", 0x0202, false, false, false, false, false, "hmac-sha256"],
    ["2.1", 0x0210, true, false, false, false, false, "hmac-sha256"],
    ["3.0", 0x0300, true, true, true, true, false, "aes-cmac"],
    ["3.0.2", 0x0302, true, true, true, true, false, "aes-cmac"],
    ["3.1.1", 0x0311, true, true, true, false, true, "aes-cmac"],
  ]);
  expect(DIALECTS.every((each) => Object.isFrozen(each))).toBe(true);
});
