// Named pipes in the interface between engine and manager: the manager serves them, and the engine lends them
// its log-ons. Types only.
import type { NtStatus } from "../wire/status.ts";
import type { Identity, MaybePromise } from "./port.ts";

/**
 * Signs and seals the messages of one association after its log-on; each call counts one message of its
 * direction. The body of a message is `message[from, to)`.
 */
export interface MessageProtection {
  /** Length of what `sign` returns, the same for every message. */
  readonly signatureBytes: number;
  /** Length of what `seal` returns. */
  readonly sealBytes: number;
  sign(message: Uint8Array, from: number, to: number): Uint8Array;
  /** Compares in constant time. */
  verify(message: Uint8Array, from: number, to: number, signature: Uint8Array): boolean;
  /** Encrypts the body in place. The signature covers what was not encrypted. */
  seal(message: Uint8Array, from: number, to: number): Uint8Array;
  /** Decrypts the body in place; false: the signature is wrong and the contents are undefined. */
  unseal(message: Uint8Array, from: number, to: number, signature: Uint8Array): boolean;
}

export type PipeLogonStep =
  | { readonly kind: "continue"; readonly token: Uint8Array }
  | {
      readonly kind: "done";
      readonly token: Uint8Array | undefined;
      readonly identity: Identity;
      /** Undefined for guests, anonymous users, and mechanisms that protect no messages. */
      readonly protection: ((coversHeader: boolean) => MessageProtection) | undefined;
      /** Wall-clock milliseconds at which the log-on ends; undefined: never. */
      readonly expiresMs: number | undefined;
    }
  | { readonly kind: "refused" };

/** A log-on inside a pipe: an authenticated RPC bind ([MS-RPCE] 3.3.1.5.2). */
export interface PipeLogon {
  /** The buffer may be reused after the call. A token that does not decode is refused. */
  step(token: Uint8Array): MaybePromise<PipeLogonStep>;
}

/** A proof of a password outside of a log-on; exactly one of the calls must follow. */
export interface PasswordProof {
  succeeded(): void;
  /** Resolves when the failure may be answered. */
  failed(): Promise<void>;
}

/** What the engine does for a pipe. Guessing passwords there has the limits of log-ons. */
export interface PipeServices {
  startLogon(): PipeLogon;
  /** Undefined: too many failures are unanswered; refuse without looking at the password. */
  beginProof(user: string): MaybePromise<PasswordProof | undefined>;
}

/** The engine's questions about named pipes. */
export interface PipeManager {
  /** Opens a named pipe such as `srvsvc`; the calls below take the returned `pipe`. */
  openPipe(query: {
    name: string;
    identity: Identity;
    services: PipeServices;
  }): MaybePromise<{ pipe: number } | { status: NtStatus }>;
  /** Passes a client's bytes to the pipe; `readPipe` fetches the answer. */
  writePipe(query: { pipe: number; data: Uint8Array }): MaybePromise<{ status: NtStatus }>;
  /** Up to `length` bytes of the pending answer; `more`: the same fragment has more bytes. */
  readPipe(query: {
    pipe: number;
    length: number;
  }): MaybePromise<{ status: NtStatus; data: Uint8Array; more: boolean }>;
  closePipe(query: { pipe: number }): void;
}
