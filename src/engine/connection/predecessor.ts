// What related members of a compound inherit from the member before them; [MS-SMB2] 3.3.5.2.7.2.
import type { NtStatus } from "../../wire/status.ts";
import type { Open } from "../state/open.ts";

export class Predecessor {
  /** -1: no id. */
  sessionId = -1;
  treeId = -1;
  open: Open | undefined;
  /** The error status of the request that would have supplied the FileId. */
  failure: NtStatus | undefined;

  clear(): void {
    this.sessionId = -1;
    this.treeId = -1;
    this.open = undefined;
    this.failure = undefined;
  }
}
