// The user that file access runs with: fsuid, fsgid and groups of this thread, set just for the calls that need them
// and set back before anything else runs. Where the server is not root, everything is done as the server.
import { Errno } from "../../../linux/errno.ts";
import {
  effectiveGid,
  effectiveUid,
  setThreadFsgid,
  setThreadFsuid,
  setThreadGroups,
} from "../../../linux/identity.ts";
import type { Credentials } from "../../../port/port.ts";
import type { Failure } from "../store.ts";

const serverUid = effectiveUid();
const serverGid = effectiveGid();
// root's own groups give it nothing that it lacks, so the last user's stay until another user comes.
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

  /** 0, or -EPERM where the kernel did not take the identity (a user namespace without that id). */
  enter(): 0 | Failure {
    if (!this.isSwitching || this.depth++ > 0) return 0;
    if (groupsInForce !== this.groupKey) {
      groupsInForce = undefined;
      if (setThreadGroups(this.groups) < 0) return this.fail();
      groupsInForce = this.groupKey;
    }
    // The group first: with the user's fsuid the right to change it would still be there, but so it reads right.
    if (!setThreadFsgid(this.gid) || !setThreadFsuid(this.uid)) return this.fail();
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
    // Who enters from in there becomes the user again.
    this.depth = 0;
    try {
      return action();
    } finally {
      this.depth = depth;
      // The groups have stayed. To go on as the server would be worse than to stop.
      if (!setThreadFsgid(this.gid) || !setThreadFsuid(this.uid))
        throw new Error("cannot return to the user's uid");
    }
  }

  private fail(): Failure {
    this.depth = 0;
    this.restore();
    return -Errno.EPERM;
  }

  private restore(): void {
    // To go on as somebody else would be worse than to stop.
    if (!setThreadFsuid(serverUid) || !setThreadFsgid(serverGid))
      throw new Error("cannot return to the server's uid");
  }
}
