// The user of file access: fsuid, gid and groups of this thread, set only during the calls that need them
// and restored before anything else runs. A server that is not root does everything as itself.
import { Errno } from "../../../linux/errno.ts";
import {
  effectiveGid,
  effectiveUid,
  setThreadFsuid,
  setThreadGid,
  setThreadGroups,
} from "../../../linux/identity.ts";
import type { Credentials } from "../../../port/port.ts";
import type { Failure } from "../store.ts";

const serverUid = effectiveUid();
const serverGid = effectiveGid();
// Groups do not restrict root, so the last user's stay in force until another user needs others.
let groupsInForce: string | undefined;

/** The identity of one store. `enter` and `leave` come in pairs around synchronous calls; pairs may nest. */
export class UserIdentity {
  /** False where entering changes nothing. */
  readonly isSwitching: boolean;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  private readonly groupKey: string;
  private depth = 0;

  constructor(credentials: Credentials | null) {
    this.isSwitching = serverUid === 0 && credentials !== null && credentials.uid !== 0;
    this.uid = credentials?.uid ?? serverUid;
    this.gid = credentials?.gid ?? serverGid;
    this.groups = credentials?.groups ?? [];
    this.groupKey = this.groups.join(",");
  }

  /** Returns -EPERM where the kernel refuses the identity (a user namespace without that ID). */
  enter(): 0 | Failure {
    if (!this.isSwitching || this.depth++ > 0) return 0;
    if (groupsInForce !== this.groupKey) {
      groupsInForce = undefined;
      if (setThreadGroups(this.groups) < 0) return this.fail();
      groupsInForce = this.groupKey;
    }
    if (!this.becomeUser()) return this.fail();
    return 0;
  }

  leave(): void {
    if (!this.isSwitching || --this.depth > 0) return;
    this.restore();
  }

  /** Calls `action`, which is synchronous, as the server, also between `enter` and `leave`. */
  asServer<T>(action: () => T): T {
    const { depth } = this;
    if (depth === 0) return action();
    this.restore();
    // `enter` within `action` must switch to the user again.
    this.depth = 0;
    try {
      return action();
    } finally {
      this.depth = depth;
      // The groups are still set. Continuing as the server would be worse than stopping.
      if (!this.becomeUser()) throw new Error("cannot return to the user's uid");
    }
  }

  private becomeUser(): boolean {
    return setThreadGid(this.gid) === 0 && setThreadFsuid(this.uid);
  }

  private fail(): Failure {
    this.depth = 0;
    this.restore();
    return -Errno.EPERM;
  }

  private restore(): void {
    // Continuing as another user would be worse than stopping.
    if (!setThreadFsuid(serverUid) || setThreadGid(serverGid) < 0)
      throw new Error("cannot return to the server's uid");
  }
}
