// What a benchmark client can be told to do, and the protections it can do it under.
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
  /** A file, or for `files` and `list` a folder. */
  readonly file: string;
  /** Requests, files, entries at least, or connections. */
  readonly count: number;
  /** Requests on the way at a time; rounds of a listing. */
  readonly depth: number;
  /** Bytes a request, a small file, or a listing's buffer. */
  readonly size: number;
}
