// The timestamp of a query for maximal access, and the rights that SET_INFO of security needs: [MS-SMB2] 3.3.5.9.5,
// 3.3.5.21.3.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { CreateDisposition } from "../../../src/wire/command/create.ts";
import { SecurityInformation } from "../../../src/wire/command/query-info.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { Status, statusName } from "../../../src/wire/status.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { mountTest } from "../client/attack-rig.ts";
import { closeFile, type Mount, openFile, READ_WRITE } from "../client/raw-files.ts";
import { querySecurityCall, setSecurityCall } from "../client/security-calls.ts";
import { decodeBufferResponse } from "../../../src/wire/command/buffer-response.ts";
import { startServer } from "../client/server.ts";

let server: TestServer;
let mount: Mount;
beforeAll(async () => {
  server = await startServer({ shares: [{ name: "test", parameters: { acl: "nt" } }] });
  mount = await mountTest(server);
});
afterAll(async () => {
  mount?.client.close();
  await server?.stop();
});

describe("3.3.5.9.5: a query for maximal access with a timestamp", () => {
  const at = (seconds: number, nanoseconds: number) => ({ seconds, nanoseconds });

  test.each([
    ["the file's LastWriteTime", 0, Status.NONE_MAPPED],
    ["a later time", 1, Status.NONE_MAPPED],
    ["an earlier time", -1, Status.SUCCESS],
  ])("%s", async (title, by, expected) => {
    const made = await openFile(mount, title, {
      desiredAccess: READ_WRITE,
      createDisposition: CreateDisposition.OPEN_IF,
      contexts: { maximalAccess: { timestamp: undefined } },
    });
    expect(made.contexts.maximalAccess?.queryStatus).toBe(Status.SUCCESS);
    await closeFile(mount, made.fileId);
    const { modifySeconds, modifyNanoseconds } = made.file;
    const timestamp = at(modifySeconds + by, modifyNanoseconds);
    const again = await openFile(mount, title, { contexts: { maximalAccess: { timestamp } } });
    expect(again.contexts.maximalAccess).toEqual({
      queryStatus: expected,
      maximalAccess: expected === Status.SUCCESS ? (made.contexts.maximalAccess?.maximalAccess ?? 0) : 0,
    });
    await closeFile(mount, again.fileId);
  });

  test("a time of zero and an empty query are answered", async () => {
    for (const timestamp of [undefined, at(-11_644_473_600, 0)]) {
      const opened = await openFile(mount, "a later time", { contexts: { maximalAccess: { timestamp } } });
      expect(opened.contexts.maximalAccess?.queryStatus).toBe(Status.SUCCESS);
      await closeFile(mount, opened.fileId);
    }
  });
});

describe("3.3.5.21.3: ATTRIBUTE_SECURITY_INFORMATION needs WRITE_DAC", () => {
  const { ATTRIBUTE, DACL } = SecurityInformation;

  const setWith = async (_: string, parts: number, access: number, expected: string): Promise<void> => {
    const { fileId } = await openFile(mount, "secured", {
      desiredAccess: Access.READ_CONTROL | access,
      createDisposition: CreateDisposition.OPEN_IF,
    });
    const query = await mount.client.demand("query", querySecurityCall(mount, fileId));
    const { buffer } = decodeBufferResponse(query.message);
    const reply = await mount.client.request(setSecurityCall(mount, fileId, buffer, parts));
    expect(statusName(reply.status)).toBe(expected);
    await closeFile(mount, fileId);
  };

  test.each([
    ["alone, with WRITE_DAC", ATTRIBUTE, Access.WRITE_DAC, "STATUS_NOT_SUPPORTED"],
    ["alone, without WRITE_DAC", ATTRIBUTE, Access.WRITE_ATTRIBUTES, "STATUS_ACCESS_DENIED"],
  ])("%s", setWith);

  // A server that is not root changes no permissions.
  test
    .skipIf(process.getuid?.() !== 0)
    .each([["with a DACL and WRITE_DAC", ATTRIBUTE | DACL, Access.WRITE_DAC, "STATUS_SUCCESS"]])(
    "%s",
    setWith,
  );
});
