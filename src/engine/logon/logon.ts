// A log-on in progress on one connection: a new session, a re-authentication or a channel binding; [MS-SMB2]
// 3.3.1.13 and 3.3.1.14 (PreauthSessionTable, Channel).
import type { Authenticator } from "./authenticator.ts";
import type { Session } from "../state/session.ts";

export const LogonKind = { NEW: 0, REAUTHENTICATION: 1, BINDING: 2 } as const;
export type LogonKind = (typeof LogonKind)[keyof typeof LogonKind];

export interface Logon {
  readonly kind: LogonKind;
  readonly session: Session;
  readonly authenticator: Authenticator;
  /**
   * PreauthIntegrityHashValue, continued from the connection's; undefined before 3.1.1 and where no keys are
   * derived.
   */
  preauthHash: Uint8Array | undefined;
}
