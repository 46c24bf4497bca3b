// The parts of a security descriptor that QUERY_INFO returns; [MS-SMB2] 3.3.5.20.3, [MS-FSA] 2.1.5.14.
import { describe, expect, test } from "bun:test";
import { selectParts } from "../../../../src/engine/command/query/security.ts";
import { sidOfUid } from "../../../../src/engine/security/token.ts";
import { SecurityInformation } from "../../../../src/wire/command/query-info.ts";
import { SecurityControl } from "../../../../src/wire/security/security-descriptor.ts";

const { OWNER, GROUP, DACL, SACL, LABEL } = SecurityInformation;
const owner = sidOfUid(1000);
const group = sidOfUid(1001);
const dacl = { revision: 2, aces: [] };
const full = {
  control:
    SecurityControl.DACL_PROTECTED | SecurityControl.DACL_AUTO_INHERITED | SecurityControl.OWNER_DEFAULTED,
  owner,
  group,
  dacl,
  sacl: dacl,
};
const control = SecurityControl.DACL_PROTECTED | SecurityControl.DACL_AUTO_INHERITED;
const none = { control: 0, owner: undefined, group: undefined, dacl: undefined, sacl: undefined };

describe("[MS-FSA] 2.1.5.14", () => {
  test.each([
    ["the owner alone", OWNER, { ...none, owner }],
    ["the group alone", GROUP, { ...none, group }],
    ["the DACL with its control bits", DACL, { ...none, control, dacl }],
    ["owner, group and DACL", OWNER | GROUP | DACL, { ...none, control, owner, group, dacl }],
    ["the SACL alone", SACL, { ...none, sacl: dacl }],
    ["no integrity label", LABEL, none],
    ["nothing", 0, none],
  ])("a client gets %s", (_, wanted, expected) => {
    expect(selectParts(full, wanted)).toEqual(expected);
  });

  test("a NULL DACL stays one", () => {
    expect(selectParts({ ...full, dacl: null }, DACL)).toMatchObject({ dacl: null });
  });
});
