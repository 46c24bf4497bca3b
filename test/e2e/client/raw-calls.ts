// Types of the raw client's requests and replies; makers of NEGOTIATE, SESSION_SETUP and TREE_CONNECT.
// [MS-SMB2] 2.2.3, 2.2.5, 2.2.9.
import { randomBytes } from "node:crypto";
import type { Message, Writer } from "../../../src/wire/cursor.ts";
import { Command, type Header } from "../../../src/wire/header.ts";
import {
  Capability,
  Dialect,
  encodeNegotiateRequest,
  SecurityMode,
} from "../../../src/wire/command/negotiate.ts";
import {
  Cipher,
  HashAlgorithm,
  type NegotiateContext,
  SigningAlgorithm,
} from "../../../src/wire/context/negotiate-context.ts";
import { encodeSessionSetupRequest } from "../../../src/wire/command/session-setup.ts";
import { encodeTreeConnectRequest } from "../../../src/wire/command/tree-connect.ts";
import type { NtlmOptions } from "./raw-ntlm.ts";
import type { RawSession } from "./raw-session.ts";

/** One request; absent fields get the value that a correct client would send. */
export interface Call {
  readonly command: number;
  readonly body: (writer: Writer) => void;
  readonly session?: RawSession | undefined;
  readonly treeId?: number;
  readonly messageId?: number;
  readonly creditCharge?: number;
  readonly credits?: number;
  readonly flags?: number;
  readonly sessionId?: number;
  readonly asyncId?: number;
  /** The header's Status field; holds ChannelSequence in a request. */
  readonly status?: number;
  readonly sign?: boolean;
  /** Maximum size of the body in bytes; absent: 64 KiB. */
  readonly room?: number;
  /** Changes the message before it is signed. `view` covers `bytes`. */
  readonly edit?: (bytes: Uint8Array, view: DataView) => void;
  /** Changes the signed message in place, or returns a replacement. */
  readonly editSigned?: (bytes: Uint8Array) => Uint8Array | undefined;
}

export interface Reply {
  readonly header: Header;
  readonly status: number;
  /** The whole message; its bytes are shared with no other reply. */
  readonly message: Message;
  readonly signature: "none" | "right" | "wrong" | "unknown";
  readonly isSealed: boolean;
}

/** A sent request. `interim` resolves with the interim STATUS_PENDING response; without one it never does. */
export interface Pending {
  readonly messageId: number;
  readonly interim: Promise<Reply>;
  readonly reply: Promise<Reply>;
}

export interface NegotiateOptions {
  readonly dialects?: readonly number[];
  readonly ciphers?: readonly number[];
  readonly signing?: readonly number[];
  readonly securityMode?: number;
  readonly capabilities?: number;
  readonly clientGuid?: Uint8Array;
  /** Replaces the contexts made from `ciphers` and `signing`. */
  readonly contexts?: readonly NegotiateContext[];
}

export interface LogOnOptions extends NtlmOptions {
  readonly previousSessionId?: number;
  readonly securityMode?: number;
  /** Reauthenticates this session instead of creating one. */
  readonly session?: RawSession;
}

export const ALL_DIALECTS: readonly number[] = [
  Dialect.SMB_2_0_2,
  Dialect.SMB_2_1,
  Dialect.SMB_3_0,
  Dialect.SMB_3_0_2,
  Dialect.SMB_3_1_1,
];

export function negotiateCall(options: NegotiateOptions): Call {
  const dialects = options.dialects ?? ALL_DIALECTS;
  const capabilities =
    options.capabilities ?? (Math.max(...dialects) >= Dialect.SMB_3_0 ? Capability.ENCRYPTION | 0x4 : 0);
  return {
    command: Command.NEGOTIATE,
    creditCharge: 0,
    body: (writer) =>
      encodeNegotiateRequest(writer, {
        securityMode: options.securityMode ?? SecurityMode.SIGNING_ENABLED,
        capabilities,
        clientGuid: options.clientGuid ?? new Uint8Array(randomBytes(16)),
        dialects,
        contexts: options.contexts ?? contextsOf(options),
      }),
  };
}

export function contextsOf(options: NegotiateOptions): NegotiateContext[] {
  const ciphers = options.ciphers ?? [Cipher.AES_128_GCM, Cipher.AES_128_CCM];
  const algorithms = options.signing ?? [SigningAlgorithm.AES_GMAC, SigningAlgorithm.AES_CMAC];
  const salt = new Uint8Array(randomBytes(32));
  const contexts: NegotiateContext[] = [
    { kind: "preauth", hashAlgorithms: [HashAlgorithm.SHA_512], salt },
    { kind: "encryption", ciphers },
  ];
  if (algorithms.length > 0) contexts.push({ kind: "signing", algorithms });
  return contexts;
}

/** One SESSION_SETUP of a log-on. */
export function sessionSetupCall(
  options: Partial<LogOnOptions>,
  securityBuffer: Uint8Array,
  sessionId: number,
): Call {
  return {
    command: Command.SESSION_SETUP,
    sessionId,
    session: options.session,
    body: (writer) =>
      encodeSessionSetupRequest(writer, {
        flags: 0,
        securityMode: options.securityMode ?? SecurityMode.SIGNING_ENABLED,
        capabilities: 0,
        channel: 0,
        securityBuffer,
        previousSessionId: options.previousSessionId ?? 0,
      }),
  };
}

export function treeConnectCall(session: RawSession | undefined, share: string): Call {
  return {
    command: Command.TREE_CONNECT,
    session,
    body: (writer) => encodeTreeConnectRequest(writer, { flags: 0, path: `\\\\server\\${share}` }),
  };
}
