// The access that a change of a security descriptor needs; [MS-SMB2] 3.3.5.21.3.
import { expect, test } from "bun:test";
import { checkAccess } from "../../../../src/engine/command/set/security.ts";
import { SecurityInformation } from "../../../../src/wire/command/query-info.ts";
import { Access } from "../../../../src/wire/security/access.ts";
import { type Status, statusName } from "../../../../src/wire/status.ts";

const { OWNER, GROUP, DACL, SACL, LABEL, ATTRIBUTE, SCOPE, BACKUP } = SecurityInformation;
const { WRITE_OWNER, WRITE_DAC, ACCESS_SYSTEM_SECURITY } = Access;

function check(flags: number, grantedAccess: number, grant = { readOnly: false, canChange: true }) {
  const { readOnly, canChange } = grant;
  const tree = { grant: { readOnly, security: { canChange } } };
  return statusName(checkAccess({ grantedAccess, unusableAccess: 0, tree }, flags));
}

test.each<[string, keyof typeof Status, number, number]>([
  ["the owner with WRITE_OWNER", "SUCCESS", OWNER, WRITE_OWNER],
  ["the owner with WRITE_DAC alone", "ACCESS_DENIED", OWNER, WRITE_DAC],
  ["the group with WRITE_OWNER", "SUCCESS", GROUP, WRITE_OWNER],
  ["the group with WRITE_DAC alone", "ACCESS_DENIED", GROUP, WRITE_DAC],
  ["the DACL with WRITE_DAC", "SUCCESS", DACL, WRITE_DAC],
  ["the DACL with WRITE_OWNER alone", "ACCESS_DENIED", DACL, WRITE_OWNER],
  ["owner and DACL with both rights", "SUCCESS", OWNER | DACL, WRITE_OWNER | WRITE_DAC],
  ["owner and DACL with one right", "ACCESS_DENIED", OWNER | DACL, WRITE_DAC],
  ["the SACL without ACCESS_SYSTEM_SECURITY", "ACCESS_DENIED", SACL, WRITE_OWNER | WRITE_DAC],
  ["the central policy without ACCESS_SYSTEM_SECURITY", "ACCESS_DENIED", SCOPE, WRITE_OWNER | WRITE_DAC],
  ["a backup without ACCESS_SYSTEM_SECURITY", "ACCESS_DENIED", BACKUP, WRITE_OWNER | WRITE_DAC],
  ["the SACL with ACCESS_SYSTEM_SECURITY", "SUCCESS", SACL, ACCESS_SYSTEM_SECURITY],
  ["the integrity label, which the server does not store", "NOT_SUPPORTED", LABEL, WRITE_OWNER],
  ["the integrity label without WRITE_OWNER", "ACCESS_DENIED", LABEL, WRITE_DAC],
  ["the resource attributes, which the server does not store", "NOT_SUPPORTED", ATTRIBUTE, WRITE_DAC],
  ["the resource attributes without WRITE_DAC", "ACCESS_DENIED", ATTRIBUTE, WRITE_OWNER],
  ["nothing", "INVALID_PARAMETER", 0, WRITE_OWNER | WRITE_DAC],
])("[MS-SMB2] 3.3.5.21.3: a change of %s gets STATUS_%s", (_, expected, flags, grantedAccess) => {
  expect(check(flags, grantedAccess)).toBe(`STATUS_${expected}`);
});

test.each([
  ["a read-only share", { readOnly: true, canChange: true }],
  ["a share that lets nobody change rights", { readOnly: false, canChange: false }],
])("%s refuses every change with STATUS_ACCESS_DENIED", (_, grant) => {
  for (const flags of [OWNER, GROUP, DACL]) {
    expect(check(flags, WRITE_OWNER | WRITE_DAC, grant)).toBe("STATUS_ACCESS_DENIED");
  }
});
