// One folder served by ours and by Debian's smbd at once: what one writes beside the data (attributes, extended
// attributes, streams, descriptors) the other must read. smb.conf(5), vfs_acl_xattr(8), vfs_streams_xattr(8).
import { rmSync } from "node:fs";
import { join } from "node:path";
import { chmodSync, chownSync, mkdirSync } from "node:fs";
import { hasSmbd, startSmbd } from "../../peer/smbd.ts";
import { makeDirectory, TESTER, TESTER_UID, type TestServer, type User } from "../../peer/test-server.ts";
import { type Mount, mountShare } from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

/** True where a pair can be started. */
export const canPair: boolean = hasSmbd();

/** Two servers on one folder. Nobody keeps the other's caches honest: no test may cache, or have both open a file. */
export interface Pair {
  readonly ours: TestServer;
  readonly samba: TestServer;
  /** The folder, share `test` of both; owned by `TESTER_UID`. */
  readonly folder: string;
  stop(): Promise<void>;
}

export interface PairOptions {
  /** Lines of the share's section, of ours and of smb.conf. */
  readonly ours?: Readonly<Record<string, string>>;
  readonly samba?: Readonly<Record<string, string>>;
  /** Users of ours; absent: the two of all tests, for whom the machine has no account. */
  readonly users?: readonly User[];
}

/** What smbd keeps everything with that this project keeps too. */
const SAMBA_SHARE = {
  "vfs objects": "acl_xattr streams_xattr",
  "acl_xattr:ignore system acls": "yes",
  "ea support": "yes",
  "store dos attributes": "yes",
  "map archive": "no",
  oplocks: "no",
  "kernel oplocks": "no",
} as const;

/** Starts both, as root, on a fresh folder of the temporary directory, which must take extended attributes. */
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

/** A raw client's mount of `test` as the first user, on either server. */
export function mountFolder(server: TestServer): Promise<Mount> {
  return mountShare(server, TESTER, "test");
}
