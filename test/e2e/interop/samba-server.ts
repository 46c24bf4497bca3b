// Starts this server and Debian's smbd on one folder: each must read what the other stores beside the data
// (attributes, extended attributes, streams, descriptors). smb.conf(5), vfs_acl_xattr(8),
// vfs_streams_xattr(8).
import { rmSync } from "node:fs";
import { join } from "node:path";
import { chmodSync, chownSync, mkdirSync } from "node:fs";
import { hasSmbd, startSmbd } from "../../peer/smbd.ts";
import { makeDirectory, TESTER, TESTER_UID, type TestServer, type User } from "../../peer/test-server.ts";
import { type Mount, mountShare } from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

/** True where smbd is installed and the tests run as root. */
export const canPair: boolean = hasSmbd();

/**
 * Two servers on one folder. Neither invalidates what clients of the other cache: a test must not cache data,
 * nor have a file open on both at once.
 */
export interface Pair {
  readonly ours: TestServer;
  readonly samba: TestServer;
  /** The folder, share `test` of both; owned by `TESTER_UID`. */
  readonly folder: string;
  stop(): Promise<void>;
}

export interface PairOptions {
  /** Parameters of the share: `ours` for this server, `samba` for smb.conf. */
  readonly ours?: Readonly<Record<string, string>>;
  readonly samba?: Readonly<Record<string, string>>;
  /** Users of this server. Default: the two users of all tests, who have no account on the machine. */
  readonly users?: readonly User[];
}

/** Makes smbd store all metadata that this server stores, and grant no oplocks. */
const SAMBA_SHARE = {
  "vfs objects": "acl_xattr streams_xattr",
  "acl_xattr:ignore system acls": "yes",
  "ea support": "yes",
  "store dos attributes": "yes",
  "map archive": "no",
  oplocks: "no",
  "kernel oplocks": "no",
} as const;

/** Starts both as root on a new folder in the temporary directory, which must support extended attributes. */
export async function startPair(options: PairOptions = {}): Promise<Pair> {
  const parent = makeDirectory("pair");
  const folder = join(parent, "folder");
  mkdirSync(folder);
  chmodSync(folder, 0o777);
  chownSync(folder, TESTER_UID, TESTER_UID);
  const remove = (): void => rmSync(parent, { recursive: true, force: true });
  const share = (parameters: Readonly<Record<string, string>>) => [
    { name: "test", path: folder, parameters },
  ];
  try {
    const samba = await startSmbd({ shares: share({ ...SAMBA_SHARE, ...options.samba }) });
    try {
      const ours = await startServer({
        shares: share({ oplocks: "no", ...options.ours }),
        ...(options.users && { users: options.users }),
      });
      const stop = async (): Promise<void> => {
        try {
          await samba.stop();
          await ours.stop();
        } finally {
          remove();
        }
      };
      return { ours, samba, folder, stop };
    } catch (error) {
      await samba.stop();
      throw error;
    }
  } catch (error) {
    remove();
    throw error;
  }
}

/** Connects a raw client to a share as the first user, on either server. */
export function mountFolder(server: TestServer, share = "test"): Promise<Mount> {
  return mountShare(server, TESTER, share);
}
