// Answers that [MS-SMB2], [MS-FSA] and [MS-FSCC] demand, or that other people's clients depend on, each at the socket.
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { Capability, Dialect, SecurityMode } from "../../../src/wire/command/negotiate.ts";
import { Command, HeaderFlag, HeaderOffset } from "../../../src/wire/header.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import { encodeValidateNegotiateRequest } from "../../../src/wire/fscc/validate-negotiate.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { InfoType } from "../../../src/wire/command/query-info.ts";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { expectOutcome, expectServing, mountTest, startVictim } from "../client/attack-rig.ts";
import { encode } from "../client/fsctl-calls.ts";
import { contextsOf } from "../client/raw-calls.ts";
import { RawClient } from "../client/raw-client.ts";
import { CreateDisposition } from "../../../src/wire/command/create.ts";
import {
  closeCall,
  closeFile,
  createDirectory,
  createCall,
  createFile,
  ioctlCall,
  openFile,
  queryDirectoryCall,
  queryInfoCall,
} from "../client/raw-files.ts";
import { setSecurityCall } from "../client/security-calls.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startVictim({ parameters: { "server multi channel support": "yes" } });
});
afterAll(() => server.stop());
afterEach(() => expectServing(server));

// [MS-SMB2] 2.2.1.2. smb-rs 0.11 writes 0 there before it verifies the signature.
test("the Reserved field of a synchronous response is 0", async () => {
  const mount = await mountTest(server);
  const reply = await mount.client.demand("ECHO", {
    command: Command.ECHO,
    session: mount.session,
    body: (writer) => writer.u32(4),
  });
  expect(reply.message.u32(HeaderOffset.ASYNC_ID)).toBe(0);
  mount.client.close();
});

test("[MS-FSA] 2.1.5.12.4: FileAlternateNameInformation needs no access", async () => {
  const mount = await mountTest(server);
  await closeFile(mount, await createFile(mount, "A.TXT"));
  const { fileId } = await openFile(mount, "A.TXT", { desiredAccess: Access.SYNCHRONIZE });
  expectOutcome(
    await mount.client.outcome(queryInfoCall(mount, fileId, InfoType.FILE, FileInfoClass.ALTERNATE_NAME)),
    Status.SUCCESS,
  );
  mount.client.close();
});

test("[MS-SMB2] 3.3.5.15.12: VALIDATE_NEGOTIATE_INFO without room for its answer closes the connection", async () => {
  const mount = await mountTest(server, { dialects: [Dialect.SMB_3_0] });
  const input = encode(64, (writer) =>
    encodeValidateNegotiateRequest(writer, {
      capabilities: Capability.ENCRYPTION,
      clientGuid: new Uint8Array(16),
      securityMode: SecurityMode.SIGNING_ENABLED,
      dialects: [Dialect.SMB_3_0],
    }),
  );
  const call = ioctlCall(mount, Fsctl.VALIDATE_NEGOTIATE_INFO, input, undefined, 23);
  expectOutcome(await mount.client.outcome(call), "closed");
});

test.each([Dialect.SMB_2_0_2, Dialect.SMB_2_1, Dialect.SMB_3_1_1])(
  "[MS-SMB2] 3.3.5.15.11: QUERY_NETWORK_INTERFACE_INFO is answered in dialect %p",
  async (dialect) => {
    const mount = await mountTest(server, { dialects: [dialect] });
    const call = ioctlCall(mount, Fsctl.QUERY_NETWORK_INTERFACE_INFO, new Uint8Array());
    expectOutcome(await mount.client.outcome(call), Status.SUCCESS);
    mount.client.close();
  },
);

test("[MS-FSCC] 2.3.73: FILE_LEVEL_TRIM with a Key gets STATUS_INVALID_PARAMETER", async () => {
  const mount = await mountTest(server);
  const file = await createFile(mount, "trimmed");
  const input = (key: number) =>
    encode(24, (writer) => {
      writer.u32(key);
      writer.u32(1);
      writer.u64(0);
      writer.u64(1);
    });
  const trim = (key: number) => ioctlCall(mount, Fsctl.FILE_LEVEL_TRIM, input(key), file);
  expectOutcome(await mount.client.outcome(trim(1)), Status.INVALID_PARAMETER);
  expectOutcome(await mount.client.outcome(trim(0)), Status.SUCCESS);
  mount.client.close();
});

test("SET_INFO of a security descriptor that names no part succeeds", async () => {
  const mount = await mountTest(server);
  const file = await createFile(mount, "unchanged");
  for (const buffer of [new Uint8Array(), new Uint8Array(20)])
    expectOutcome(await mount.client.outcome(setSecurityCall(mount, file, buffer, 0)), Status.SUCCESS);
  mount.client.close();
});

test("[MS-FSA] 2.1.5.6.3: a listing whose buffer is below the fixed part gets STATUS_INFO_LENGTH_MISMATCH", async () => {
  const mount = await mountTest(server);
  const folder = await createDirectory(mount, "listed");
  for (const pattern of ["nothing-matches", "*"]) {
    const call = queryDirectoryCall(mount, folder, { pattern, outputBufferLength: 103 });
    expectOutcome(await mount.client.outcome(call), Status.INFO_LENGTH_MISMATCH);
  }
  mount.client.close();
});

test("repeated backslashes in a path count as one", async () => {
  const mount = await mountTest(server);
  await closeFile(mount, await createDirectory(mount, "outer"));
  await closeFile(mount, await createFile(mount, "outer\\\\inner"));
  await closeFile(mount, (await openFile(mount, "outer\\inner")).fileId);
  mount.client.close();
});

// smbprotocol sends other FileIds than all ones in related requests.
test("[MS-SMB2] 3.3.5.2.7.2: a related request acts on the open of the request before, whatever its FileId", async () => {
  const mount = await mountTest(server);
  const other = await createFile(mount, "other");
  const related = { flags: HeaderFlag.RELATED_OPERATIONS };
  const create = createCall(mount, "related", { createDisposition: CreateDisposition.CREATE });
  const [created, closed] = await Promise.all(
    mount.client.compound([create, { ...closeCall(mount, other), ...related }]),
  );
  expect([created?.status, closed?.status]).toEqual([Status.SUCCESS, Status.SUCCESS]);
  // The other file is still open.
  await closeFile(mount, other);
  mount.client.close();
});

test.each([
  ["a list without ciphers", { kind: "encryption", ciphers: [] }],
  ["a NETNAME context of odd length", { kind: "unknown", type: 5, data: new Uint8Array([0x61, 0, 0x62]) }],
] as const)("NEGOTIATE with %s is answered, as by smbd", async (_, context) => {
  const client = await RawClient.connect(server);
  const others = contextsOf({}).filter(({ kind }) => kind !== context.kind);
  await client.negotiate({ dialects: [Dialect.SMB_3_1_1], contexts: [...others, context] });
  const session = await client.logOn(TESTER);
  expect(await client.connectTree(session, "test")).toBeGreaterThan(0);
  client.close();
});
