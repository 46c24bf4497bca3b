// A session and its tree connects; [MS-SMB2] 3.3.1.8, 3.3.1.9. State only: commands change it.
import type { Aead, Mac } from "../../crypto/provider.ts";
import type { NonceSequence } from "../../crypto/nonce.ts";
import type { Identity, ShareGrant } from "../../port/port.ts";
import type { FileStore } from "../vfs/store.ts";
import { TreeTable } from "./tree-table.ts";

export const SessionState = { IN_PROGRESS: 0, VALID: 1, EXPIRED: 2 } as const;
export type SessionState = (typeof SessionState)[keyof typeof SessionState];

/** A tree connect: a share, with the rights of the session's user. */
export interface Tree {
  readonly id: number;
  readonly session: Session;
  /** Replaced where a reload finds other groups for the user, or the share read-only for them. */
  grant: ShareGrant;
  /** Undefined for IPC$. */
  readonly store: FileStore | undefined;
  readonly mustEncrypt: boolean;
  /**
   * TreeConnect.MaximalAccess, a FILE_ access mask; 0 where re-authentication brought a user who may not use
   * it.
   */
  maximalAccess: number;
  /** When it was made, by the engine's clock. */
  readonly connectedMs: number;
  /** The session has ended; the store stays for the durable opens that have lost their connection. */
  isLost: boolean;
}

/** `cipher`: id of [MS-SMB2] 2.2.3.1.2. */
export interface AeadKey {
  readonly cipher: number;
  readonly bytes: Uint8Array;
}

/** `algorithm`: id of [MS-SMB2] 2.2.3.1.7. */
export interface MacKey {
  readonly algorithm: number;
  readonly bytes: Uint8Array;
}

/** A key that signs, with what a thread needs to make it. */
export interface SigningKey extends Mac, MacKey {}

/** The encryption and decryption keys of a session; 3.1.4.2. */
export interface SealKeys {
  readonly seal: Aead;
  readonly open: Aead;
  /** The keys of these, for threads. */
  readonly sealKey: AeadKey;
  readonly openKey: AeadKey;
  readonly nonces: NonceSequence;
}

/**
 * What was negotiated on the connection that set the session up; a further channel must match it, 3.3.5.5.2.
 */
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
  /** Ids of the connections that are channels of this session; Session.ChannelList. */
  readonly connectionIds = new Set<number>();
  state: SessionState = SessionState.IN_PROGRESS;
  identity: Identity | undefined;
  /** Wall-clock milliseconds at which the user's ticket ends; Session.ExpirationTime, 3.3.1.8. */
  expiresMs = Infinity;
  /** The signing key on the connection that set the session up; other channels have keys of their own. */
  signing: SigningKey | undefined;
  sealing: SealKeys | undefined;
  mustSign = false;
  /** When the log-on succeeded, by the engine's clock. */
  startedMs = 0;
  /** The client has sent the AAPL create context: it is a Mac. */
  isApple = false;
  /** AppleCapability bits that its last AAPL query was answered with. */
  appleCapabilities = 0;
  /** A Mac that is to make its own identifiers of files. */
  hidesFileIds = false;
  mustEncrypt = false;
  readonly trees = new TreeTable<Tree>();
  private lastTreeId = 0;
  /** The client has asked for a share, whether or not it got it. */
  hasAskedForShares = false;

  constructor(id: number, terms: SessionTerms) {
    this.id = id;
    this.terms = terms;
  }

  /** The user's ticket has ended, or the session's trees are being handed over; Session.State. */
  hasExpired(clock: { wallTime(): number }): boolean {
    if (this.state === SessionState.EXPIRED) return true;
    return this.expiresMs !== Infinity && clock.wallTime() >= this.expiresMs;
  }

  get isGuest(): boolean {
    return this.identity?.isGuest ?? false;
  }
  get isAnonymous(): boolean {
    return this.identity?.isAnonymous ?? false;
  }

  /** An unused TreeId; never 0 or 0xFFFFFFFF. */
  nextTreeId(): number {
    do {
      this.lastTreeId = this.lastTreeId >= 0xffff_fffe ? 1 : this.lastTreeId + 1;
    } while (this.trees.has(this.lastTreeId));
    return this.lastTreeId;
  }
}
