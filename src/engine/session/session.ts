// A session and its tree connects; [MS-SMB2] 3.3.1.8, 3.3.1.9. State and look-ups only: commands change it.
import type { Aead, Mac } from "../../crypto/provider.ts";
import type { NonceSequence } from "../../crypto/nonce.ts";
import type { Credentials, Identity, ShareGrant } from "../../port/port.ts";
import type { FileStore } from "../vfs/store.ts";
import type { Open } from "../state/open.ts";
import type { Authenticator } from "./authenticator.ts";

export const SessionState = { IN_PROGRESS: 0, VALID: 1, EXPIRED: 2 } as const;
export type SessionState = (typeof SessionState)[keyof typeof SessionState];

/** A tree connect: one share as this session may use it. */
export interface Tree {
  readonly id: number;
  readonly session: Session;
  readonly grant: ShareGrant;
  /** Undefined for IPC$. */
  readonly store: FileStore | undefined;
  readonly mustEncrypt: boolean;
  /** FILE_ access mask that this user may ever get on this share. */
  readonly maximalAccess: number;
  readonly opens: Set<Open>;
}

/** The two directions of an encrypting session; 3.1.4.2. */
export interface SealKeys {
  readonly seal: Aead;
  readonly open: Aead;
  readonly nonces: NonceSequence;
}

export class Session {
  readonly id: number;
  /** The connection's number: a session lives on the connection it was set up on. */
  readonly connectionId: number;
  state: SessionState = SessionState.IN_PROGRESS;
  identity: Identity | undefined;
  credentials: Credentials | null = null;
  /** Set-up or re-authentication under way. */
  authenticator: Authenticator | undefined;
  /** The session key, once authenticated; never logged. */
  sessionKey: Uint8Array | undefined;
  signing: Mac | undefined;
  sealing: SealKeys | undefined;
  mustSign = false;
  mustEncrypt = false;
  /** Preauthentication hash of this session's set-up; 3.1.1 alone. */
  preauthHash: Uint8Array | undefined;
  readonly trees = new Map<number, Tree>();
  readonly opens = new Set<Open>();
  private lastTreeId = 0;

  constructor(id: number, connectionId: number) {
    this.id = id;
    this.connectionId = connectionId;
  }

  get isGuest(): boolean {
    return this.identity?.isGuest ?? false;
  }
  get isAnonymous(): boolean {
    return this.identity?.isAnonymous ?? false;
  }

  /** A tree id not in use here; 0 and -1 stay free of meaning. */
  nextTreeId(): number {
    do {
      this.lastTreeId = this.lastTreeId >= 0xffff_fffe ? 1 : this.lastTreeId + 1;
    } while (this.trees.has(this.lastTreeId));
    return this.lastTreeId;
  }
}
