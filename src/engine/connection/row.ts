// A row of the dispatch table; design.md, 2. The core does what the row says before any handler runs.
import type { MaybePromise } from "../../port/port.ts";
import type { Exchange } from "./exchange.ts";

export interface Row {
  readonly name: string;
  /** StructureSize of the request; [MS-SMB2] 2.2. */
  readonly bodySize: number;
  readonly needsSession: boolean;
  readonly needsTree: boolean;
  /** Offset of the FileId from the header, 0 where the request has none. */
  readonly fileIdOffset: number;
  /** Refused when a channel sequence is stale; 3.3.5.2.10. */
  readonly mayChangeData: boolean;
  /**
   * Answers with an NTSTATUS and, through `exchange.reserve`, a body. May throw WireError alone.
   */
  readonly handle: (exchange: Exchange) => MaybePromise<number>;
}
