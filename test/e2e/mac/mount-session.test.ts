// The requests of a mount, in the order in which macOS 15 sends them: smb_netfs.c, smbfs_mount of smbfs_vfsops.c
// and smb_smb_2.c of Apple's published SMBClient sources.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { CompletionFilter } from "../../../src/wire/command/change-notify.ts";
import {
  CreateDisposition,
  CreateOption,
  decodeCreateResponse,
  ShareAccess,
} from "../../../src/wire/command/create.ts";
import { decodeIoctlResponse } from "../../../src/wire/command/ioctl.ts";
import { Capability, Dialect, SecurityMode } from "../../../src/wire/command/negotiate.ts";
import { decodeQueryInfoResponse, InfoType } from "../../../src/wire/command/query-info.ts";
import { Cipher, HashAlgorithm, SigningAlgorithm } from "../../../src/wire/context/negotiate-context.ts";
import { EMPTY, type Message } from "../../../src/wire/cursor.ts";
import { FILE_ID_ALL_ONES } from "../../../src/wire/file-id.ts";
import {
  decodeFsAttributeInformation,
  decodeFsSizeInformation,
  FsAttribute,
} from "../../../src/wire/fscc/fs-information.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import { FileInfoClass, FsInfoClass } from "../../../src/wire/fscc/info-class.ts";
import {
  decodeValidateNegotiateResponse,
  encodeValidateNegotiateRequest,
} from "../../../src/wire/fscc/validate-negotiate.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { Status } from "../../../src/wire/status.ts";
import { againstSmbd } from "../../peer/start.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { encode } from "../client/fsctl-calls.ts";
import { leaseV2, openLeased, RH } from "../client/lease-rig.ts";
import type { NegotiateOptions, Reply } from "../client/raw-calls.ts";
import { RawClient } from "../client/raw-client.ts";
import { closeFile, ioctlCall, type Mount, queryInfoCall } from "../client/raw-files.ts";
import { notifyCall } from "../client/raw-notify.ts";
import { OWNER_GROUP_DACL, querySecurityCall } from "../client/security-calls.ts";
import { MAC_CAPABILITIES, MAC_QUERY, queryApple, startForMacs } from "./mac.ts";
import { MacFiles, statusesOf } from "./mac-files.ts";

const FOLDER = {
  desiredAccess: Access.READ_ATTRIBUTES | Access.SYNCHRONIZE,
  createOptions: CreateOption.DIRECTORY_FILE,
};
const DONE = ["SUCCESS", "SUCCESS", "SUCCESS"];
/** As Apple's header has it: 256 credits are asked for while a client has few. */
const CREDITS_ASKED = 256;

let server: TestServer;
let locked: TestServer;
beforeAll(async () => {
  server = await startForMacs();
  locked = await startForMacs({ "read only": "yes" });
});
afterAll(async () => {
  await server?.stop();
  await locked?.stop();
});

/** What macOS negotiates; it offers compression and names the server in every NEGOTIATE with 3.1.1. */
function negotiation(dialects: readonly number[]): NegotiateOptions & { clientGuid: Uint8Array } {
  const clientGuid = new Uint8Array(randomBytes(16));
  const salt = new Uint8Array(randomBytes(32));
  const { AES_256_GCM, AES_256_CCM, AES_128_GCM, AES_128_CCM } = Cipher;
  return {
    dialects,
    clientGuid,
    capabilities: MAC_CAPABILITIES,
    contexts: [
      { kind: "preauth", hashAlgorithms: [HashAlgorithm.SHA_512], salt },
      { kind: "encryption", ciphers: [AES_256_GCM, AES_256_CCM, AES_128_GCM, AES_128_CCM] },
      { kind: "compression", flags: 1, algorithms: [3, 2, 1, 4] },
      { kind: "signing", algorithms: [SigningAlgorithm.AES_GMAC, SigningAlgorithm.AES_CMAC] },
      { kind: "netname", name: "nas.local" },
    ],
  };
}

function messageOf(reply: Reply | undefined): Message {
  if (reply === undefined) throw new Error("no reply");
  return reply.message;
}

const dataOf = (reply: Reply | undefined): Uint8Array => decodeQueryInfoResponse(messageOf(reply)).buffer;

async function mountAs(
  place: TestServer,
  dialects: readonly number[],
): Promise<{ mount: Mount; files: MacFiles; granted: number }> {
  const options = negotiation(dialects);
  const client = await RawClient.connect(place);
  const { capabilities, serverGuid, securityMode, dialect } = await client.negotiate(options);
  expect(capabilities & Capability.LEASING).toBe(Capability.LEASING);
  expect(capabilities & Capability.LARGE_MTU).toBe(Capability.LARGE_MTU);
  const session = await client.logOn(TESTER);
  const mount: Mount = { client, session, treeId: await client.connectTree(session, "test") };
  if (dialect < Dialect.SMB_3_1_1) {
    const input = encode(64, (writer) =>
      encodeValidateNegotiateRequest(writer, {
        capabilities: MAC_CAPABILITIES,
        clientGuid: options.clientGuid,
        securityMode: SecurityMode.SIGNING_ENABLED,
        dialects,
      }),
    );
    const call = ioctlCall(mount, Fsctl.VALIDATE_NEGOTIATE_INFO, input, FILE_ID_ALL_ONES, 24);
    const { output } = decodeIoctlResponse((await client.demand("validation", call)).message);
    expect(decodeValidateNegotiateResponse(output)).toEqual({
      capabilities,
      serverGuid,
      securityMode,
      dialect,
    });
  }
  const { header } = await client.request({
    ...queryInfoCall(mount, FILE_ID_ALL_ONES, InfoType.FILE, FileInfoClass.ALL),
    credits: CREDITS_ASKED,
  });
  return { mount, files: new MacFiles(mount), granted: header.credits };
}

describe.each([
  ["3.1.1", [Dialect.SMB_2_0_2, Dialect.SMB_2_1, Dialect.SMB_3_0, Dialect.SMB_3_0_2, Dialect.SMB_3_1_1]],
  ["3.0.2", [Dialect.SMB_2_0_2, Dialect.SMB_2_1, Dialect.SMB_3_0, Dialect.SMB_3_0_2]],
] as const)("in dialect %s", (dialect, dialects) => {
  let mount: Mount;
  let files: MacFiles;
  beforeAll(async () => {
    ({ mount, files } = await mountAs(server, dialects));
  });
  afterAll(() => mount?.client.close());

  test("a Mac learns the size and the abilities of the volume in the room that it gives", async () => {
    const { FILESYSTEM } = InfoType;
    const size = queryInfoCall(mount, FILE_ID_ALL_ONES, FILESYSTEM, FsInfoClass.SIZE, 24);
    const space = decodeFsSizeInformation(dataOf((await files.within("", FOLDER, size))[0]));
    expect(space.totalUnits).toBeGreaterThan(space.availableUnits);
    const query = queryInfoCall(mount, FILE_ID_ALL_ONES, FILESYSTEM, FsInfoClass.ATTRIBUTE, 1040);
    const volume = decodeFsAttributeInformation(dataOf((await files.within("", FOLDER, query))[0]));
    const { NAMED_STREAMS, PERSISTENT_ACLS, SUPPORTS_REPARSE_POINTS, READ_ONLY_VOLUME } = FsAttribute;
    const asked = NAMED_STREAMS | PERSISTENT_ACLS | SUPPORTS_REPARSE_POINTS | READ_ONLY_VOLUME;
    // Without reparse points macOS stores symlinks as files, which every server keeps.
    expect(volume.attributes & asked).toBe(NAMED_STREAMS | PERSISTENT_ACLS);
    expect([volume.fileSystemName, volume.maxComponentLength]).toEqual(["NTFS", 255]);
  });

  test("a Mac finds the root with its rights, its file id, its descriptor and its streams", async () => {
    const contexts = { queryOnDiskId: true, maximalAccess: { timestamp: undefined } } as const;
    const [created] = await files.chain("", { ...FOLDER, contexts });
    const { contexts: found } = decodeCreateResponse(messageOf(created));
    expect(found.maximalAccess?.maximalAccess).toBe(0x001f_01ff);
    expect(found.onDiskId?.fileIdLow).toBeGreaterThan(0);
    expect(await queryApple(mount, MAC_QUERY)).toMatchObject({ command: 1, model: "MacSamba" });
    const security = querySecurityCall(mount, FILE_ID_ALL_ONES, OWNER_GROUP_DACL);
    const desiredAccess = FOLDER.desiredAccess | Access.READ_CONTROL;
    expect(statusesOf(await files.chain("", { ...FOLDER, desiredAccess }, security))).toEqual(DONE);
    const streams = queryInfoCall(mount, FILE_ID_ALL_ONES, InfoType.FILE, FileInfoClass.STREAM, 32 * 1024);
    expect(dataOf((await files.within("", FOLDER, streams))[0])).toHaveLength(0);
  });

  test("what a volume may have at its root is not found, in every reply of the compound", async () => {
    const all = queryInfoCall(mount, FILE_ID_ALL_ONES, InfoType.FILE, FileInfoClass.ALL, 4096);
    for (const name of [".metadata_never_index", ".DS_Store", "Icon\uf00d", ".TemporaryItems", ".Trashes"]) {
      const replies = await files.chain(name, { desiredAccess: FOLDER.desiredAccess }, all);
      expect(statusesOf(replies)).toEqual(Array<string>(3).fill("OBJECT_NAME_NOT_FOUND"));
    }
  });

  test("a Mac that asks for durable opens gets one, with a lease, and leaves no file behind", async () => {
    const name = `.com.apple.timemachine.supported-${dialect}`;
    const durableRequestV2 = { timeoutMs: 0, flags: 0, createGuid: new Uint8Array(randomBytes(16)) };
    const { fileId, contexts } = await openLeased(mount, name, leaseV2(7, RH), {
      desiredAccess: Access.READ_DATA | Access.READ_ATTRIBUTES | Access.READ_EA,
      shareAccess: ShareAccess.READ,
      createDisposition: CreateDisposition.OPEN_IF,
      contexts: { maximalAccess: { timestamp: undefined }, durableRequestV2 },
    });
    expect(contexts.lease?.state).toBe(RH);
    expect(contexts.durableV2?.timeoutMs).toBeGreaterThanOrEqual(60_000);
    await closeFile(mount, fileId);
    await files.remove(name);
    expect(readdirSync(server.shares.get("test") ?? "")).toEqual([]);
  });

  test("a wait for messages of Apple's server ends at once, and costs the connection nothing", async () => {
    const everything = Object.values(CompletionFilter).reduce((all, bit) => all | bit, 0);
    const call = notifyCall(mount, FILE_ID_ALL_ONES, { filter: everything, outputBytes: 65_536 });
    expect(await mount.client.outcome(call)).toBe(Status.FILE_CLOSED);
    expect(statusesOf(await files.chain("", FOLDER))).toEqual(["SUCCESS", "SUCCESS"]);
  });
});

test("a Mac gets the credits that it asks for before it has opened a file", async () => {
  const { mount, granted } = await mountAs(server, [Dialect.SMB_3_0_2]);
  expect(granted).toBe(CREDITS_ASKED);
  mount.client.close();
});

// smbd answers for files alone; macOS then relies on what AAPL says.
test.skipIf(againstSmbd)("a Mac that asks for a key of the root learns that the server copies", async () => {
  const { mount, files } = await mountAs(server, [Dialect.SMB_3_0_2]);
  const options = {
    desiredAccess: Access.READ_DATA | Access.READ_ATTRIBUTES | Access.READ_EA,
    shareAccess: ShareAccess.READ,
    createOptions: CreateOption.DIRECTORY_FILE,
  };
  const key = ioctlCall(mount, Fsctl.SRV_REQUEST_RESUME_KEY, EMPTY, FILE_ID_ALL_ONES, 32);
  expect(statusesOf(await files.chain("", options, key))).toEqual(DONE);
  mount.client.close();
});

// Of smbd it learns that by the rights alone.
test.skipIf(againstSmbd)(
  "a Mac learns that a share is read-only from the volume's attributes and its rights on the root",
  async () => {
    const { mount, files } = await mountAs(locked, [Dialect.SMB_3_0_2]);
    const query = queryInfoCall(mount, FILE_ID_ALL_ONES, InfoType.FILESYSTEM, FsInfoClass.ATTRIBUTE, 1040);
    const { attributes } = decodeFsAttributeInformation(dataOf((await files.within("", FOLDER, query))[0]));
    expect(attributes & FsAttribute.READ_ONLY_VOLUME).toBe(FsAttribute.READ_ONLY_VOLUME);
    const [created] = await files.chain("", {
      ...FOLDER,
      contexts: { maximalAccess: { timestamp: undefined } },
    });
    const { contexts } = decodeCreateResponse(messageOf(created));
    const changes = Access.WRITE_DATA | Access.APPEND_DATA | Access.DELETE_CHILD | Access.WRITE_ATTRIBUTES;
    expect((contexts.maximalAccess?.maximalAccess ?? -1) & changes).toBe(0);
    mount.client.close();
  },
);
