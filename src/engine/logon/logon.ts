// A log-on under way on one connection: of a new session, of one that authenticates anew, or of a further channel;
// [MS-SMB2] 3.3.1.13 and 3.3.1.14 (PreauthSessionTable, Channel).
import type { Authenticator } from "./authenticator.ts";
import type { Session } from "../state/session.ts";

export const LogonKind = { NEW: 0, AGAIN: 1, BINDING: 2 } as const;
export type LogonKind = (typeof LogonKind)[keyof typeof LogonKind];

export interface Logon {
  readonly kind: LogonKind;
  readonly session: Session;
  readonly authenticator: Authenticator;
  /** Hash of this exchange, from the negotiation's on; in 3.1.1, where keys will be made. */
  preauthHash: Uint8Array | undefined;
}
