// Gives up what the page's process does not need: root's ids, files, programs, new sockets, other processes.
// It is done before the first byte of a client is read, and cannot be undone.
import { forbidCalls } from "../../../linux/call-filter.ts";
import { setOpenFileLimit } from "../../../linux/limits.ts";
import { AT_FDCWD, closeFd, Open, openAt, replaceFd } from "../../../linux/open.ts";
import { becomeForGood, endWithParent, hideMemory } from "../../../linux/process-identity.ts";
import { writeFileSync } from "node:fs";
import { setPriority } from "node:os";
import type { Confinement, WebPlan } from "../link-messages.ts";
import { MAX_CONNECTIONS } from "./connections.ts";

const STANDARD_ERROR = 2;
/** Besides those of clients: the runtime's, the listeners and the link. */
const OWN_DESCRIPTORS = 64;
/** Handshakes of strangers have the processor after the server's own work; nice(2). */
const BEHIND_SMB = 5;
/** The kernel takes this process first where memory runs out; proc(5), oom_score_adj. */
const FIRST_TO_GO = "1000";

/** What the process has to say goes over its link, whose messages are bounded; standard error is the log. */
function forgetLog(): void {
  const nowhere = openAt(AT_FDCWD, "/dev/null", Open.RDWR);
  if (nowhere < 0) return;
  replaceFd(nowhere, STANDARD_ERROR);
  closeFd(nowhere);
}

/** Throws an Error where root's ids cannot be given up: the process must end. */
export function confine(identity: WebPlan["identity"]): Confinement {
  try {
    writeFileSync("/proc/self/oom_score_adj", FIRST_TO_GO);
  } catch {
    // Without /proc; or the value is as high already.
  }
  try {
    setPriority(BEHIND_SMB);
  } catch {
    // The service manager's filter of system calls forbids it.
  }
  forgetLog();
  const most = MAX_CONNECTIONS + OWN_DESCRIPTORS;
  setOpenFileLimit({ soft: most, hard: most });
  if (identity !== null && !becomeForGood(identity.uid, identity.gid))
    throw new Error("root's ids cannot be given up");
  const isUnprivileged = process.getuid?.() !== 0 && process.geteuid?.() !== 0;
  if (!isUnprivileged) throw new Error("the process still has root's ids");
  hideMemory();
  endWithParent();
  return { isUnprivileged, isFiltered: forbidCalls() === 0 };
}
