// macOS' client: what it sends to mount a share, and the forms in which it keeps its metadata; kernel/netsmb/smb_2.h
// and smbfs_smb_2.c of Apple's published SMBClient sources.
import { Access } from "../../../src/wire/security/access.ts";
import { CreateOption } from "../../../src/wire/command/create.ts";
import { decodeQueryDirectoryResponse } from "../../../src/wire/command/query-directory.ts";
import { Status } from "../../../src/wire/status.ts";
import {
  AppleBitmap,
  AppleCapability,
  AppleCommand,
  type AppleQueryResponse,
  type AppleRequest,
} from "../../../src/wire/context/apple-context.ts";
import { Capability } from "../../../src/wire/command/negotiate.ts";
import { againstSmbd, startSubject } from "../../peer/start.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { StatusError } from "../client/raw-client.ts";
import { closeFile, type Mount, mountShare, openFile, queryDirectoryCall } from "../client/raw-files.ts";

/** Finder's tags, with the private character by which macOS sends a colon. */
export const TAGS_ATTRIBUTE = "com.apple.metadata\uf022_kMDItemUserTags";
/** Streams of macOS, to be written behind a file's name. */
export const TAGS = `:${TAGS_ATTRIBUTE}`;
export const INFO = ":AFP_AfpInfo";
export const FORK = ":AFP_Resource";

/** The query of macOS 14, but without HIFI (0x20), which no server has but Apple's. */
export const MAC_QUERY: AppleRequest = {
  command: AppleCommand.SERVER_QUERY,
  requestBitmap: AppleBitmap.SERVER_CAPS | AppleBitmap.VOLUME_CAPS | AppleBitmap.MODEL_INFO,
  clientCapabilities:
    AppleCapability.READ_DIR_ATTR |
    AppleCapability.OSX_COPYFILE |
    AppleCapability.UNIX_BASED |
    AppleCapability.NFS_ACE |
    AppleCapability.READ_DIR_ATTR_V2,
};

/** The same from a Mac before macOS 10.12, and from smbtorture. */
export const OLD_MAC_QUERY: AppleRequest = {
  ...MAC_QUERY,
  clientCapabilities: MAC_QUERY.clientCapabilities & ~AppleCapability.READ_DIR_ATTR_V2,
};

/** Opens the root with the query, as a mount does; returns the answer, undefined where there is none. */
export async function queryApple(
  mount: Mount,
  query: AppleRequest = MAC_QUERY,
): Promise<AppleQueryResponse | undefined> {
  const { contexts, fileId } = await openFile(mount, "", {
    desiredAccess: Access.READ_ATTRIBUTES | Access.SYNCHRONIZE,
    createOptions: CreateOption.DIRECTORY_FILE,
    contexts: { apple: query, maximalAccess: { timestamp: undefined } },
  });
  await closeFile(mount, fileId);
  const { apple } = contexts;
  if (apple !== undefined && apple.command !== AppleCommand.SERVER_QUERY)
    throw new Error("an answer to another command");
  return apple;
}

/** The capabilities of macOS' NEGOTIATE. */
export const MAC_CAPABILITIES: number =
  Capability.DFS |
  Capability.LEASING |
  Capability.LARGE_MTU |
  Capability.PERSISTENT_HANDLES |
  Capability.DIRECTORY_LEASING |
  Capability.ENCRYPTION;

/** Parameters by which smbd has for Macs what this server has without any. */
const SMBD_FOR_MACS = {
  "vfs objects": "catia fruit streams_xattr",
  "ea support": "yes",
  "fruit:metadata": "stream",
  "fruit:resource": "stream",
  "fruit:encoding": "native",
} as const;

/** Starts the server under test with one share. With SERVER=smbd that is smbd with vfs_fruit, to check the test. */
export function startForMacs(parameters: Readonly<Record<string, string>> = {}): Promise<TestServer> {
  const all = againstSmbd ? { ...SMBD_FOR_MACS, ...parameters } : parameters;
  return startSubject({ shares: [{ name: "test", parameters: all }] });
}

/** A mount of `share` as the first user, by a client that the server knows as a Mac. */
export async function mountAsMac(
  server: TestServer,
  share: string,
  query = MAC_QUERY,
  options: Parameters<typeof mountShare>[3] = {},
): Promise<Mount> {
  const mount = await mountShare(server, TESTER, share, options);
  await queryApple(mount, query);
  return mount;
}

/** The 60 bytes of AFP_AfpInfo with this type and creator, as smbtorture's vfs.fruit tests write them. */
export function afpInfo(typeAndCreator = ""): Uint8Array {
  const info = new Uint8Array(60);
  info.set([0x41, 0x46, 0x50, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0x80, 0, 0, 0]);
  info.set(new TextEncoder().encode(typeAndCreator), 16);
  return info;
}

export interface MacView {
  readonly finderInfo: Uint8Array;
  readonly fork: Uint8Array;
  readonly attributes: Readonly<Record<string, Uint8Array>>;
}

/**
 * What macOS reads from an AppleDouble file, by the checks of its get_xattrinfo and check_and_swap_attrhdr
 * (vfs_xattr.c): Finder information is the first of two entries, attributes lie in order and fill their area.
 */
export function readAsMac(file: Uint8Array): MacView {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const demand = (holds: boolean, what: string): void => {
    if (!holds) throw new Error(`macOS refuses the file: ${what}`);
  };
  demand(view.getUint32(0) === 0x0005_1607 && view.getUint32(4) === 0x0002_0000, "magic");
  demand(view.getUint16(24) === 2, "number of entries");
  const entryAt = (at: number) => ({
    id: view.getUint32(at),
    offset: view.getUint32(at + 4),
    length: view.getUint32(at + 8),
  });
  const info = entryAt(26);
  const fork = entryAt(38);
  demand(info.id === 9 && info.offset === 50 && info.length >= 32, "Finder information");
  demand(fork.id === 2 && fork.offset + fork.length <= file.length, "resource fork");
  demand(fork.offset >= info.offset + info.length, "order");
  const found: MacView & { attributes: Record<string, Uint8Array> } = {
    finderInfo: file.slice(50, 82),
    fork: file.slice(fork.offset, fork.offset + fork.length),
    attributes: {},
  };
  if (info.length < 70) return found;
  demand(view.getUint32(84) === 0x4154_5452, "ATTR");
  const [total, start, length] = [view.getUint32(92), view.getUint32(96), view.getUint32(100)];
  demand(total <= info.offset + info.length && start >= 120 && start + length <= total, "sizes");
  let at = 120;
  let sum = 0;
  for (let left = view.getUint16(118); left > 0; left--) {
    const nameBytes = view.getUint8(at + 10);
    const name = file.subarray(at + 11, at + 11 + nameBytes);
    demand(at + 11 + nameBytes <= start && name.indexOf(0) === nameBytes - 1, "name");
    const [offset, bytes] = [view.getUint32(at), view.getUint32(at + 4)];
    demand(offset >= start && offset + bytes <= start + length, "attribute");
    found.attributes[new TextDecoder().decode(name.subarray(0, -1))] = file.slice(offset, offset + bytes);
    sum += bytes;
    at += (11 + nameBytes + 3) & ~3;
  }
  demand(sum === length && at <= start, "sum of the attributes");
  return found;
}

/** An entry of a listing as a Mac reads it that has negotiated READ_DIR_ATTR. */
export interface MacEntry {
  readonly name: string;
  readonly maximalAccess: number;
  /** READ_DIR_ATTR_V2: 1 for an entry without streams. */
  readonly flags: number;
  readonly resourceBytes: number;
  /** 16 bytes in hex. */
  readonly finderInfo: string;
  readonly mode: number;
}

/** Lists a folder by FileIdBothDirectoryInformation, without `.` and `..`. */
export async function listAsMac(mount: Mount, folder: string, pattern = "*"): Promise<MacEntry[]> {
  const { fileId } = await openFile(mount, folder, {
    desiredAccess: Access.READ_DATA | Access.READ_ATTRIBUTES,
    createOptions: CreateOption.DIRECTORY_FILE,
  });
  const entries: MacEntry[] = [];
  for (;;) {
    const reply = await mount.client.request(queryDirectoryCall(mount, fileId, { pattern }));
    if (reply.status === Status.NO_MORE_FILES) break;
    if (reply.status !== Status.SUCCESS) throw new StatusError("QUERY_DIRECTORY", reply.status);
    entries.push(...macEntries(decodeQueryDirectoryResponse(reply.message).buffer));
  }
  await closeFile(mount, fileId);
  return entries.filter(({ name }) => name !== "." && name !== "..");
}

function macEntries(data: Uint8Array): MacEntry[] {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const entries: MacEntry[] = [];
  for (let at = 0; ;) {
    const nameLength = view.getUint32(at + 60, true);
    entries.push({
      name: new TextDecoder("utf-16le").decode(data.subarray(at + 104, at + 104 + nameLength)),
      maximalAccess: view.getUint32(at + 64, true),
      flags: view.getUint16(at + 68, true),
      resourceBytes: Number(view.getBigUint64(at + 70, true)),
      finderInfo: data.subarray(at + 78, at + 94).toHex(),
      mode: view.getUint16(at + 94, true),
    });
    const next = view.getUint32(at, true);
    if (next === 0) return entries;
    at += next;
  }
}
