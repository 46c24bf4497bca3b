// The opens of each user and of all users together, with the CREATEs in progress, and their limits: no user
// takes all descriptors of the server.

import type { Session } from "./session.ts";

/** One of the object (O_PATH) and one of its data. */
export const DESCRIPTORS_PER_FILE = 2;
/** Those of a file, and one of the listing in progress. */
export const DESCRIPTORS_PER_DIRECTORY = 3;

/** The user that opens of a session count for. */
export function userOf(session: Session): string {
  return session.identity?.user ?? "";
}

export interface OpenLimits {
  /** Opens of one session. */
  readonly perSession: number;
  /** Opens of one user, in all sessions. */
  readonly perUser: number;
  /** Opens of all users. */
  readonly total: number;
  /** Descriptors of all opens. */
  readonly descriptors: number;
}

/** How the log names the number of descriptors that the kernel allows the process. */
export const DESCRIPTOR_LIMIT = "limit of descriptors (ulimit -n)";

/** The limit that refuses a new open, as the log names it. */
export type OpenRefusal =
  "max open files" | "max user open files" | "max total open files" | typeof DESCRIPTOR_LIMIT;

/** A user may hold this many times the descriptors that are still free, so that others always have a part. */
const USER_FACTOR = 2;

interface Usage {
  opens: number;
  descriptors: number;
}

export class OpenUsage {
  private readonly all: Usage = { opens: 0, descriptors: 0 };
  private readonly users = new Map<string, Usage>();

  /** Opens that are counted, and CREATEs in progress. */
  get count(): number {
    return this.all.opens;
  }

  /** Adds an open, or a CREATE in progress, with that many descriptors. */
  add(user: string, descriptors: number): void {
    let own = this.users.get(user);
    if (own === undefined) {
      own = { opens: 0, descriptors: 0 };
      this.users.set(user, own);
    }
    for (const usage of [own, this.all]) {
      usage.opens++;
      usage.descriptors += descriptors;
    }
  }

  /** Takes back what `add` has added. */
  remove(user: string, descriptors: number): void {
    const own = this.users.get(user);
    if (own === undefined) return;
    for (const usage of [own, this.all]) {
      usage.opens--;
      usage.descriptors -= descriptors;
    }
    if (own.opens === 0) this.users.delete(user);
  }

  /** Returns the limit that a new open of `user` with that many descriptors would exceed. */
  refusalOf(
    user: string,
    ofSession: number,
    descriptors: number,
    limits: OpenLimits,
  ): OpenRefusal | undefined {
    const { all } = this;
    const own = this.users.get(user);
    if (ofSession >= limits.perSession) return "max open files";
    if (own !== undefined && own.opens >= limits.perUser) return "max user open files";
    if (all.opens >= limits.total) return "max total open files";
    if (descriptors === 0) return undefined;
    const free = limits.descriptors - all.descriptors - descriptors;
    const mayHold = own === undefined ? free : USER_FACTOR * free - own.descriptors - descriptors;
    return free < 0 || mayHold < 0 ? DESCRIPTOR_LIMIT : undefined;
  }
}
