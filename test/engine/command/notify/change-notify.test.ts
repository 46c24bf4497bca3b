// The checks of CHANGE_NOTIFY; [MS-SMB2] 3.3.5.19, 3.3.5.2.5, [MS-FSA] 2.1.5.11.1.
import { expect, test } from "bun:test";
import { checkRequest } from "../../../../src/engine/command/notify/change-notify.ts";
import { DIALECTS } from "../../../../src/engine/connection/dialect.ts";
import { SharedFile } from "../../../../src/engine/state/open.ts";
import { Dialect } from "../../../../src/wire/command/negotiate.ts";
import { Access } from "../../../../src/wire/security/access.ts";
import { type NtStatus, Status, statusName } from "../../../../src/wire/status.ts";
import { makeOpen } from "../open-fixture.ts";

const MAX_TRANSACT_BYTES = 1_048_576;

interface Case {
  readonly outputBufferLength?: number;
  readonly revision?: number;
  readonly creditCharge?: number;
  readonly isDirectory?: boolean;
  readonly isPipe?: boolean;
  readonly grantedAccess?: number;
  readonly deletePending?: boolean;
}

function check(fields: Case): NtStatus {
  const dialect = DIALECTS.find(({ revision }) => revision === (fields.revision ?? Dialect.SMB_3_1_1));
  if (dialect === undefined) throw new Error("no such dialect");
  const file = new SharedFile("1:2", "/share/dir");
  file.deletePending = fields.deletePending ?? false;
  const open = makeOpen({
    file: fields.isPipe === true ? undefined : file,
    isDirectory: fields.isDirectory ?? true,
    grantedAccess: fields.grantedAccess ?? Access.LIST_DIRECTORY,
  });
  const exchange = {
    connection: { negotiated: { dialect } },
    creditCharge: fields.creditCharge ?? 1,
    context: { settings: { maxTransactBytes: MAX_TRANSACT_BYTES } },
  };
  return checkRequest(exchange, open, { outputBufferLength: fields.outputBufferLength ?? 4096 });
}

test.each<[string, keyof typeof Status, Case]>([
  ["3.3.5.19: a directory opened with FILE_LIST_DIRECTORY", "SUCCESS", {}],
  ["3.3.5.19: an output buffer of length 0", "SUCCESS", { outputBufferLength: 0 }],
  [
    "3.3.5.19: an output buffer of MaxTransactSize",
    "SUCCESS",
    { outputBufferLength: MAX_TRANSACT_BYTES, creditCharge: 16 },
  ],
  [
    "3.3.5.19: an output buffer above MaxTransactSize",
    "INVALID_PARAMETER",
    { outputBufferLength: MAX_TRANSACT_BYTES + 1, creditCharge: 17 },
  ],
  [
    "3.3.5.2.5: an output buffer that one credit pays for",
    "SUCCESS",
    { outputBufferLength: 65_536, creditCharge: 1 },
  ],
  [
    "3.3.5.2.5: an output buffer above the credits paid",
    "INVALID_PARAMETER",
    { outputBufferLength: 65_537, creditCharge: 1 },
  ],
  [
    "3.3.5.2.5: an output buffer above 64 KiB in dialect 2.0.2, whatever the charge",
    "INVALID_PARAMETER",
    { outputBufferLength: 65_537, creditCharge: 2, revision: Dialect.SMB_2_0_2 },
  ],
  ["3.3.5.19: a file", "INVALID_PARAMETER", { isDirectory: false }],
  ["3.3.5.19: a pipe", "INVALID_PARAMETER", { isDirectory: false, isPipe: true }],
  [
    "3.3.5.19: a directory opened without FILE_LIST_DIRECTORY",
    "ACCESS_DENIED",
    { grantedAccess: Access.READ_ATTRIBUTES | Access.DELETE },
  ],
  ["[MS-FSA] 2.1.5.11.1: a directory with a pending deletion", "DELETE_PENDING", { deletePending: true }],
])("%s gets STATUS_%s", (_, expected, fields) => {
  expect(statusName(check(fields))).toBe(`STATUS_${expected}`);
});
