// The jobs of a benchmark client, and the kinds of signing and encryption it can use.
import { SigningAlgorithm } from "../../src/wire/context/negotiate-context.ts";

export const protections = {
  plain: { signing: undefined, isSealed: false },
  gmac: { signing: SigningAlgorithm.AES_GMAC, isSealed: false },
  cmac: { signing: SigningAlgorithm.AES_CMAC, isSealed: false },
  gcm: { signing: undefined, isSealed: true },
} as const;
export type ProtectionName = keyof typeof protections;

export interface Job {
  readonly kind: "read" | "write" | "random" | "files" | "list" | "idle";
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly share: string;
  readonly protection: ProtectionName;
  /** A file; for `files` and `list` a folder. */
  readonly file: string;
  /** Number of requests, files, expected entries (minimum) or connections. */
  readonly count: number;
  /** Number of requests in flight; for `list` the number of rounds. */
  readonly depth: number;
  /** Bytes per request, per small file, or of the listing buffer. */
  readonly size: number;
}
