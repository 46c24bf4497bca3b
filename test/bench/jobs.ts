// The jobs of the benchmark's client, and the kinds of signing and encryption it can use.
import { Cipher, SigningAlgorithm } from "../../src/wire/context/negotiate-context.ts";

export const protections = {
  plain: { signing: undefined, cipher: undefined },
  gmac: { signing: SigningAlgorithm.AES_GMAC, cipher: undefined },
  cmac: { signing: SigningAlgorithm.AES_CMAC, cipher: undefined },
  gcm: { signing: undefined, cipher: Cipher.AES_128_GCM },
  ccm: { signing: undefined, cipher: Cipher.AES_128_CCM },
} as const;
export type ProtectionName = keyof typeof protections;

export type JobKind =
  | "echo"
  | "read"
  | "write"
  | "randomRead"
  | "randomWrite"
  | "create"
  | "stat"
  | "remove"
  | "list"
  | "mixed"
  | "idle";

export interface Job {
  readonly kind: JobKind;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly share: string;
  readonly protection: ProtectionName;
  /** A file; for jobs on many files the folder. The client appends `-N` to what connection N writes. */
  readonly file: string;
  /** Size of the file, for random offsets. */
  readonly fileBytes: number;
  readonly connections: number;
  /** Requests, or chains of requests, of one connection. */
  readonly count: number;
  /** Requests, or chains, of one connection in flight. */
  readonly depth: number;
  /** Bytes per request or small file; of a listing's buffer. */
  readonly size: number;
  /** Above 0: the requests are repeated for that long. */
  readonly seconds: number;
  /** The TreeId for the ceiling, which knows no log-on; ceiling.c. */
  readonly ceilingTree: number | undefined;
}

/** Begins the last line of a client that failed. */
export const FAILED = "failed:";

/** What a job's client prints. */
export interface JobResult {
  readonly seconds: number;
  readonly requests: number;
  /** Chains of requests: files created, listings, operations. */
  readonly chains: number;
  /** Latency of requests in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
}
