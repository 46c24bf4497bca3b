// What related members of a compound inherit from the member before them; [MS-SMB2] 3.3.5.2.7.2.
import type { NtStatus } from "../../wire/status.ts";
import { Command } from "../../wire/header.ts";
import type { Session, Tree } from "../state/session.ts";
import type { Open } from "../state/open.ts";
import type { FileStat } from "../vfs/store.ts";

/** What counts of the member that has been handled. */
interface Member {
  readonly command: number;
  readonly isRelated: boolean;
  readonly session: Session | undefined;
  readonly tree: Tree | undefined;
  readonly treeId: number;
  readonly open: Open | undefined;
}

export class Predecessor {
  /** -1: no id. */
  sessionId = -1;
  treeId = -1;
  open: Open | undefined;
  /** The error status of the request that would have supplied the FileId. */
  failure: NtStatus | undefined;
  /**
   * The stat that CREATE, the request right before this one, has answered with. It is that of `open` only if
   * it is its node's current one.
   */
  stat: FileStat | undefined;

  clear(): void {
    this.sessionId = -1;
    this.treeId = -1;
    this.open = undefined;
    this.failure = undefined;
    this.stat = undefined;
  }
  /** The member has been answered with `status`. */
  become(member: Member, status: NtStatus): void {
    const isCreate = member.command === Command.CREATE;
    if (!isCreate) this.stat = undefined;
    // A related member without a predecessor is no predecessor: the related members behind it fail, too.
    if (member.isRelated && this.sessionId === -1) return;
    this.sessionId = member.session?.id ?? -1;
    this.treeId = member.tree?.id ?? member.treeId;
    if (isCreate || !member.isRelated) {
      this.failure = status >>> 30 === 3 ? status : undefined;
      this.open = this.failure === undefined ? member.open : undefined;
    } else if (member.open !== undefined) {
      this.open = member.open;
    }
  }
}
