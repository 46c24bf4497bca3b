// Answers that [MS-SMB2], [MS-FSA] and [MS-FSCC] demand, or that other people's clients depend on, each at the socket.
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { QueryDirectoryFlag } from "../../../src/wire/command/query-directory.ts";
import { Capability, Dialect, SecurityMode } from "../../../src/wire/command/negotiate.ts";
import { Command, HeaderFlag, HeaderOffset } from "../../../src/wire/header.ts";
import { FileInfoClass, FsInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import { encodeValidateNegotiateRequest } from "../../../src/wire/fscc/validate-negotiate.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { decodeBufferResponse } from "../../../src/wire/command/buffer-response.ts";
import { encodePipeWaitRequest } from "../../../src/wire/fscc/pipe-control.ts";
import { encodeSetInfoRequest } from "../../../src/wire/command/set-info.ts";
import { InfoType } from "../../../src/wire/command/query-info.ts";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { expectOutcome, expectServing, mountTest, startVictim } from "../client/attack-rig.ts";
import { encode } from "../client/fsctl-calls.ts";
import { contextsOf } from "../client/raw-calls.ts";
import { RawClient } from "../client/raw-client.ts";
import { CreateDisposition, CreateOption } from "../../../src/wire/command/create.ts";
import {
  callOn,
  closeCall,
  closeFile,
  createDirectory,
  createCall,
  createFile,
  ioctlCall,
  listDirectory,
  openFile,
  queryDirectoryCall,
  queryInfoCall,
  READ_WRITE,
  setInfoCall,
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
  const answer = await client.negotiate({ dialects: [Dialect.SMB_3_1_1], contexts: [...others, context] });
  // smb-rs ends the connection at an answer that names cipher 0.
  const isEncryption = context.kind === "encryption";
  expect(answer.contexts.some(({ kind }) => kind === "encryption")).toBe(!isEncryption);
  const session = await client.logOn(TESTER);
  expect(await client.connectTree(session, "test")).toBeGreaterThan(0);
  client.close();
});

// Clients made for port 139 (pysmb, smb-rs in that mode) send it first; RFC 1002 4.3.2.
test("a NetBIOS session request is answered once, and the connection then speaks SMB2", async () => {
  const encoded = (name: string): number[] => [32, ...Buffer.from(name.repeat(16)), 0];
  const request = Uint8Array.of(0x81, 0, 0, 68, ...encoded("CA"), ...encoded("CK"));
  const client = await RawClient.connect(server);
  client.socket.send(request);
  await client.negotiate();
  const session = await client.logOn(TESTER);
  expect(await client.connectTree(session, "test")).toBeGreaterThan(0);
  expect(client.socket.receivedKinds).toContain(0x82);
  client.socket.send(request);
  expect(await client.isClosedSoon()).toBe(true);
  client.close();
});

// impacket's waitNamedPipe sends it before an open; the FileId is all ones. [MS-FSCC] 2.3.49.
test("FSCTL_PIPE_WAIT tells whether a pipe exists", async () => {
  const mount = await mountTest(server);
  const ipc = { ...mount, treeId: await mount.client.connectTree(mount.session, "IPC$") };
  const wait = (name: string) =>
    ioctlCall(
      ipc,
      Fsctl.PIPE_WAIT,
      encode(64, (writer) => encodePipeWaitRequest(writer, { name, timeout: undefined })),
    );
  expectOutcome(await mount.client.outcome(wait("srvsvc")), Status.SUCCESS);
  expectOutcome(await mount.client.outcome(wait("nothing")), Status.OBJECT_NAME_NOT_FOUND);
  const onDisk = ioctlCall(mount, Fsctl.PIPE_WAIT, new Uint8Array(14));
  expectOutcome(await mount.client.outcome(onDisk), Status.INVALID_DEVICE_REQUEST);
  mount.client.close();
});

// [MS-FSCC] 2.5 lists the classes that can be set at all; smbd answers the same.
test("SET_INFO of a file system class is refused: those that can be read only by INVALID_INFO_CLASS", async () => {
  const mount = await mountTest(server);
  const file = await createFile(mount, "volume");
  const set = (infoType: number, infoClass: number) =>
    mount.client.outcome(
      callOn(mount, Command.SET_INFO, (writer) =>
        encodeSetInfoRequest(writer, {
          infoType,
          infoClass,
          additionalInformation: 0,
          fileId: file,
          buffer: new Uint8Array(64),
        }),
      ),
    );
  for (let infoClass = 0; infoClass < 16; infoClass++) {
    const isSettable = infoClass === FsInfoClass.CONTROL || infoClass === FsInfoClass.OBJECT_ID;
    const status = isSettable ? Status.ACCESS_DENIED : Status.INVALID_INFO_CLASS;
    expectOutcome(await set(InfoType.FILESYSTEM, infoClass), status);
  }
  expectOutcome(await set(InfoType.QUOTA, 0), Status.NOT_SUPPORTED);
  expectOutcome(await set(9, 0), Status.INVALID_PARAMETER);
  mount.client.close();
});

test("[MS-FSA] 2.1.5.15.8: SET FileModeInformation keeps an open synchronous or asynchronous", async () => {
  const mount = await mountTest(server);
  const { ALERT, NONALERT, WRITE_THROUGH, SEQUENTIAL, UNBUFFERED } = {
    ALERT: CreateOption.SYNCHRONOUS_IO_ALERT,
    NONALERT: CreateOption.SYNCHRONOUS_IO_NONALERT,
    WRITE_THROUGH: CreateOption.WRITE_THROUGH,
    SEQUENTIAL: CreateOption.SEQUENTIAL_ONLY,
    UNBUFFERED: CreateOption.NO_INTERMEDIATE_BUFFERING,
  };
  const modeAfter = async (createOptions: number, mode: number): Promise<number | "refused"> => {
    const { fileId } = await openFile(mount, "mode", {
      desiredAccess: READ_WRITE | Access.SYNCHRONIZE,
      createDisposition: CreateDisposition.OPEN_IF,
      createOptions,
    });
    const set = setInfoCall(
      mount,
      fileId,
      FileInfoClass.MODE,
      encode(4, (writer) => writer.u32(mode)),
    );
    const outcome = await mount.client.outcome(set);
    const query = queryInfoCall(mount, fileId, InfoType.FILE, FileInfoClass.MODE);
    const { message } = await mount.client.demand("mode", query);
    await closeFile(mount, fileId);
    if (outcome === Status.SUCCESS)
      return new DataView(decodeBufferResponse(message).buffer.slice().buffer).getUint32(0, true);
    expectOutcome(outcome, Status.INVALID_PARAMETER);
    return "refused";
  };
  expect(await modeAfter(0, 0)).toBe(0);
  expect(await modeAfter(0, WRITE_THROUGH | SEQUENTIAL)).toBe(WRITE_THROUGH | SEQUENTIAL);
  for (const mode of [ALERT, NONALERT, UNBUFFERED, 0x1000, 0x40])
    expect(await modeAfter(0, mode)).toBe("refused");
  for (const mode of [0, ALERT | NONALERT, SEQUENTIAL])
    expect(await modeAfter(NONALERT, mode)).toBe("refused");
  expect(await modeAfter(NONALERT, ALERT)).toBe(ALERT);
  expect(await modeAfter(UNBUFFERED, WRITE_THROUGH)).toBe(UNBUFFERED);
  mount.client.close();
});

// [MS-FSCC] 2.6 gained attributes over the years; smbd leaves out those that it does not store.
test("CREATE leaves out attributes that are not stored", async () => {
  const mount = await mountTest(server);
  for (const fileAttributes of [0x8000, 0x2_0000, 0x4_0000, 0x8_0000, 0x10_0000, 0x40_0000]) {
    const createDisposition = CreateDisposition.OVERWRITE_IF;
    for (const change of [{ createDisposition, desiredAccess: READ_WRITE }, {}]) {
      const { fileId, file } = await openFile(mount, "pinned", { fileAttributes, ...change });
      expect(file.attributes & fileAttributes).toBe(0);
      await closeFile(mount, fileId);
    }
  }
  mount.client.close();
});

test("[MS-FSA] 2.1.5.1: a name that ends with a backslash is not a file's", async () => {
  const mount = await mountTest(server);
  const create = (name: string, createOptions: number) =>
    mount.client.outcome(
      createCall(mount, name, { createOptions, createDisposition: CreateDisposition.OPEN_IF }),
    );
  expectOutcome(await create("slashed\\", CreateOption.NON_DIRECTORY_FILE), Status.OBJECT_NAME_INVALID);
  expectOutcome(await mount.client.outcome(createCall(mount, "slashed")), Status.OBJECT_NAME_NOT_FOUND);
  expectOutcome(await create("slashed\\", CreateOption.DIRECTORY_FILE), Status.SUCCESS);
  mount.client.close();
});

test("`.` in a path counts as nothing, and `..` leads to the folder above within the share", async () => {
  const mount = await mountTest(server);
  await closeFile(mount, await createDirectory(mount, "above"));
  await closeFile(mount, await createFile(mount, "above\\below"));
  for (const path of ["above\\.\\below", "above\\..\\above\\below", ".\\above\\below"])
    await closeFile(mount, (await openFile(mount, path)).fileId);
  expectOutcome(
    await mount.client.outcome(createCall(mount, "above\\..\\..\\etc")),
    Status.OBJECT_PATH_SYNTAX_BAD,
  );
  mount.client.close();
});

test("a name that is too long below a missing folder gets STATUS_OBJECT_PATH_NOT_FOUND, as by smbd", async () => {
  const mount = await mountTest(server);
  const name = "n".repeat(256);
  expectOutcome(
    await mount.client.outcome(createCall(mount, `missing\\${name}`)),
    Status.OBJECT_PATH_NOT_FOUND,
  );
  for (const createDisposition of [CreateDisposition.OPEN, CreateDisposition.CREATE])
    expectOutcome(
      await mount.client.outcome(createCall(mount, name, { createDisposition })),
      Status.OBJECT_NAME_INVALID,
    );
  mount.client.close();
});

test("a pattern is held against the name on disk as well as against the one that is shown", async () => {
  const mount = await mountTest(server);
  await closeFile(mount, await createDirectory(mount, "trailing"));
  writeFileSync(join(server.shares.get("test") ?? "", "trailing", "ends with a dot."), "");
  const found = async (pattern: string): Promise<string[]> => {
    const { fileId } = await openFile(mount, "trailing");
    const names = (await listDirectory(mount, fileId, { pattern })).map(({ name }) => name);
    await closeFile(mount, fileId);
    return names;
  };
  const [shown] = (await found("*")).filter((name) => !/^[.]+$/.test(name));
  expect(shown).toBeDefined();
  for (const pattern of ["ends*", "*dot.", 'ends with a dot"', shown ?? ""])
    expect(await found(pattern)).toEqual([shown ?? ""]);
  mount.client.close();
});

test("RESTART_SCANS without a match on an open that has returned entries gets STATUS_NO_MORE_FILES, as by smbd", async () => {
  const mount = await mountTest(server);
  const { fileId } = await openFile(mount, "");
  const list = (pattern: string, flags: number) =>
    mount.client.outcome(queryDirectoryCall(mount, fileId, { pattern, flags }));
  expectOutcome(await list("nothing*", 0), Status.NO_SUCH_FILE);
  expectOutcome(await list("*", QueryDirectoryFlag.REOPEN), Status.SUCCESS);
  expectOutcome(await list("nothing*", QueryDirectoryFlag.RESTART_SCANS), Status.NO_MORE_FILES);
  expectOutcome(await list("nothing*", QueryDirectoryFlag.REOPEN), Status.NO_SUCH_FILE);
  mount.client.close();
});
