// What `deadtime` closes: connections whose client does nothing but say that it is there, though it has
// forgotten files.
import { Access } from "../../wire/security/access.ts";
import type { NotifyTable } from "../state/notify.ts";
import type { Open } from "../state/open.ts";
import type { OpenTable } from "../state/open-table.ts";
import type { Session } from "../state/session.ts";

/** After this time even an open file does not keep a connection, unless its client could lose something. */
export const FORGOTTEN_MS = 24 * 3_600_000;

const CHANGING = Access.WRITE_DATA | Access.APPEND_DATA | Access.DELETE;

interface Idle {
  /** When the client last asked for anything in a share: ECHO does not count. */
  readonly lastUsedMs: number;
  readonly sessions: ReadonlyMap<number, Session>;
}

/** True where the connection has been unused for `deadtimeMs`, and nothing that it has open keeps it. */
export function isDead(
  { lastUsedMs, sessions }: Idle,
  opens: OpenTable,
  notify: Pick<NotifyTable, "has">,
  nowMs: number,
  deadtimeMs: number,
): boolean {
  const idleMs = nowMs - lastUsedMs;
  if (deadtimeMs === 0 || idleMs <= deadtimeMs) return false;
  const keeps = idleMs > FORGOTTEN_MS ? mayLose : (open: Open) => !open.isDirectory || notify.has(open);
  for (const session of sessions.values())
    for (const open of opens.ofSession(session)) if (keeps(open)) return false;
  return true;
}

/** The client has the file open for changes, or has locked a part of it. */
function mayLose({ deleteOnClose, file, grantedAccess, id, isDirectory }: Open): boolean {
  if (isDirectory) return deleteOnClose;
  return deleteOnClose || (grantedAccess & CHANGING) !== 0 || (file?.locks?.countOf(id) ?? 0) > 0;
}
