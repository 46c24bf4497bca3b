// macOS' client: what it sends to mount a share, and the forms in which it keeps its metadata; kernel/netsmb/smb_2.h
// and smbfs_smb_2.c of Apple's published SMBClient sources.
import { Access } from "../../../src/wire/security/access.ts";
import { CreateOption } from "../../../src/wire/command/create.ts";
import {
  AppleBitmap,
  AppleCapability,
  AppleCommand,
  type AppleQueryResponse,
  type AppleRequest,
} from "../../../src/wire/context/apple-context.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { closeFile, type Mount, mountShare, openFile } from "../client/raw-files.ts";

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

/** A mount of `share` as the first user, by a client that the server knows as a Mac. */
export async function mountAsMac(server: TestServer, share: string, query = MAC_QUERY): Promise<Mount> {
  const mount = await mountShare(server, TESTER, share);
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
