// Shares that an administrator adds, changes and deletes while the server runs: one section of the
// configuration file, in a worker and one change after the other.
import { WorkerQueue } from "../worker-queue.ts";
import type { Dialect } from "./lines.ts";

export type ShareChange =
  | {
      readonly kind: "add";
      readonly name: string;
      readonly path: string;
      readonly comment: string;
      /** Undefined: as many as the configuration says. */
      readonly maxConnections: number | undefined;
    }
  | {
      readonly kind: "set";
      readonly name: string;
      /** Undefined: as it is. */
      readonly comment: string | undefined;
      readonly maxConnections: number | undefined;
    }
  | { readonly kind: "delete"; readonly name: string };

export interface ShareChangeRequest {
  readonly file: string;
  /** Undefined: by the file's name. */
  readonly dialect: Dialect | undefined;
  /** `client share directories`. */
  readonly directories: readonly string[];
  readonly change: ShareChange;
}

/**
 * `elsewhere`: the share is there, but not by this file alone. `outside`: its directory is not below those
 * that are allowed. `failed`: the file cannot be written, or would not be one that the server accepts.
 */
export type ShareChangeFault =
  "bad name" | "bad value" | "exists" | "missing" | "no directory" | "outside" | "elsewhere" | "failed";

export interface ShareChangeAnswer {
  readonly fault: ShareChangeFault | undefined;
  /** For the log. */
  readonly reason: string;
}

const queue = new WorkerQueue<ShareChangeRequest, ShareChangeAnswer>("manager/config/share-worker.ts");

/** Without a fault the change is on disk; the server has not read it yet. */
export async function changeShareInFile(request: ShareChangeRequest): Promise<ShareChangeAnswer> {
  const answer = await queue.ask(request);
  return typeof answer === "string" ? { fault: "failed", reason: answer } : answer;
}
