// A directory whose names an operation needs and does not read itself: who called the operation reads it.
import type { Failure } from "../store.ts";

/** A large directory that an operation needs: the caller reads it in steps and calls the operation again. */
export interface UnreadFolder {
  /** Open for reading, at its start; the caller closes it. */
  readonly unread: number;
  /** Identifies the directory. */
  readonly key: string;
  readonly timestamps: string;
  readonly isRacy: boolean;
  /** The folded name that is looked for; with `short` the short name. */
  readonly name: string;
  readonly isShort: boolean;
}

/** What the caller has read: the names that an operation asked for by an UnreadFolder. */
export interface FolderAnswer {
  readonly key: string;
  readonly name: string;
  readonly isShort: boolean;
  readonly names: readonly string[];
}

/** Thrown by `find` and `findShort`; `orUnread` catches it. */
export class NeedsFolder extends Error {
  /** It must be read in steps, or it cannot be read. */
  readonly folder: UnreadFolder | Failure;
  constructor(folder: UnreadFolder | Failure) {
    super("the names of a directory are not known");
    this.folder = folder;
  }
}

/**
 * Runs `look` with the answers that the caller has; the folder that must be read where they do not suffice.
 */
export function orUnread<T>(
  directories: { answers: readonly FolderAnswer[] },
  answers: readonly FolderAnswer[],
  look: () => T,
): T | UnreadFolder | Failure {
  directories.answers = answers;
  try {
    return look();
  } catch (error) {
    if (error instanceof NeedsFolder) return error.folder;
    throw error;
  } finally {
    directories.answers = [];
  }
}

export function isUnread(result: unknown): result is UnreadFolder {
  return typeof result === "object" && result !== null && "unread" in result;
}
