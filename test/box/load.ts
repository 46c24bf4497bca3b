// What one load has at hand, and what it tells.
import type { TestServer } from "../peer/test-server.ts";

export interface Ground {
  readonly server: Pick<TestServer, "host" | "port" | "users">;
  /** How many clients a box of this size is to serve at once. */
  readonly clients: number;
  /** Smaller files and shorter floods. */
  readonly isQuick: boolean;
  /** A directory of the clients. */
  readonly directory: string;
  /** Tells what went wrong; the load goes on. */
  readonly fail: (what: string) => void;
}

export interface Load {
  readonly name: string;
  /** Returns what was done, in words. */
  readonly run: (ground: Ground) => Promise<string>;
}

export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
