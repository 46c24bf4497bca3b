// A client that negotiates Apple's extensions, and the forms in which macOS keeps its metadata.
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { closeFile, type Mount, mountShare, openFile } from "../client/raw-files.ts";

/** Asks for the server's and the volume's abilities and its model, as macOS does at each mount. */
const APPLE = { command: 1, requestBitmap: 7, clientCapabilities: 7 };

/** A mount of `share` as the first user, by a client that the server knows as a Mac. */
export async function mountAsMac(server: TestServer, share: string): Promise<Mount> {
  const mount = await mountShare(server, TESTER, share);
  const { fileId } = await openFile(mount, "", { contexts: { apple: APPLE } });
  await closeFile(mount, fileId);
  return mount;
}

/** The 60 bytes of AFP_AfpInfo with this type and creator, as smbtorture's vfs.fruit tests write them. */
export function afpInfo(typeAndCreator = ""): Uint8Array {
  const info = new Uint8Array(60);
  info.set([0x41, 0x46, 0x50, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0x80, 0, 0, 0]);
  info.set(new TextEncoder().encode(typeAndCreator), 16);
  return info;
}
