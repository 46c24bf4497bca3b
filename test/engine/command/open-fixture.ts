// Opens without a disk, for tests of the checks that commands make on them.
import { Open, type SharedFile } from "../../../src/engine/state/open.ts";
import type { Session, Tree } from "../../../src/engine/state/session.ts";

const session = {} as unknown as Session;
const tree = { session } as unknown as Tree;

let lastId = 0;

/** An open of a file; each field has a default that allows nothing. */
export function makeOpen(fields: {
  readonly file?: SharedFile | undefined;
  readonly grantedAccess?: number;
  readonly shareAccess?: number;
  readonly isDirectory?: boolean;
  readonly isPosix?: boolean;
  readonly snapshotPath?: string | undefined;
}): Open {
  const open = new Open({
    id: ++lastId,
    session,
    tree,
    connectionId: 1,
    node: undefined,
    file: fields.file,
    handle: undefined,
    pipe: -1,
    grantedAccess: fields.grantedAccess ?? 0,
    shareAccess: fields.shareAccess ?? 0,
    createOptions: 0,
    isDirectory: fields.isDirectory ?? false,
  });
  open.isPosix = fields.isPosix ?? false;
  open.snapshotPath = fields.snapshotPath;
  return open;
}
