// A session and its tree connects; [MS-SMB2] 3.3.1.8, 3.3.1.9. State and look-ups only: commands change it.
import type { Aead, Mac } from "../../crypto/provider.ts";
import type { NonceSequence } from "../../crypto/nonce.ts";
import type { Identity, ShareGrant } from "../../port/port.ts";
import type { FileStore } from "../vfs/store.ts";

export const SessionState = { IN_PROGRESS: 0, VALID: 1, EXPIRED: 2 } as const;
export type SessionState = (typeof SessionState)[keyof typeof SessionState];

/** A tree connect: one share as this session may use it. */
export interface Tree {
  readonly id: number;
  readonly session: Session;
  /** Replaced where a reload finds other groups for its user. */
  grant: ShareGrant;
  /** Undefined for IPC$. */
  readonly store: FileStore | undefined;
  readonly mustEncrypt: boolean;
  /** FILE_ access mask that this user may ever get on this share. */
  readonly maximalAccess: number;
  /** Its session is gone; the store lives on for the opens that wait for their client. */
  isLost: boolean;
}

/** The two directions of an encrypting session; 3.1.4.2. */
export interface SealKeys {
  readonly seal: Aead;
  readonly open: Aead;
  readonly nonces: NonceSequence;
}

/** What NEGOTIATE settled on the connection of a session's set-up; a further channel must match it, 3.3.5.5.2. */
export interface SessionTerms {
  readonly revision: number;
  readonly cipher: number;
  readonly signingAlgorithm: number;
  /** 16 bytes in hex. */
  readonly clientGuid: string;
}

export class Session {
  readonly id: number;
  readonly terms: SessionTerms;
  /** The connections (their numbers) that may carry requests of this session: its channels. */
  readonly connectionIds = new Set<number>();
  state: SessionState = SessionState.IN_PROGRESS;
  identity: Identity | undefined;
  /** Signs on the connection of the set-up; a further channel has a key of its own there. */
  signing: Mac | undefined;
  sealing: SealKeys | undefined;
  mustSign = false;
  /** The client has shown itself to be a Mac, by the AAPL create context. */
  isApple = false;
  mustEncrypt = false;
  readonly trees = new Map<number, Tree>();
  private lastTreeId = 0;

  constructor(id: number, terms: SessionTerms) {
    this.id = id;
    this.terms = terms;
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
