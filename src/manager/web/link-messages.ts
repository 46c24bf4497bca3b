// What the server and the process of its web page say to each other over their socket pair.
import type { ErrorCode } from "../control/protocol.ts";
import type { OperationName } from "../control/operations.ts";

/** Descriptors of the process: the socket pair's end, then the sockets that listen. */
export const LINK_FD = 3;
export const FIRST_LISTENER_FD = 4;

/** The longest line to the server: a body of a request, and what surrounds it. */
export const MAX_REQUEST_LINE = 160 * 1024;
/** The longest line to the process: an item of an answer is far smaller. */
export const MAX_ANSWER_LINE = 1024 * 1024;

/** First of all, to the process. */
export interface WebPlan {
  readonly certificate: string;
  readonly key: string;
  /** For the Host header, in lower case. */
  readonly names: readonly string[];
  /** The number of sockets that listen. */
  readonly listeners: number;
  /** Whom to become; null where the server itself has no privileges. */
  readonly identity: { readonly uid: number; readonly gid: number } | null;
}

/** How a request shows who asks. */
export interface Credential {
  /** Of the cookie. */
  readonly session?: string;
  /** Of the header Authorization. */
  readonly token?: string;
  /** Of the header X-CSRF. */
  readonly csrf?: string;
}

export type ToServer =
  | {
      readonly id: number;
      readonly ask: OperationName;
      readonly args: Readonly<Record<string, unknown>>;
      readonly credential: Credential;
      readonly address: string;
      /** The server's end of the connection. */
      readonly local: string;
    }
  /** More items are wanted. */
  | { readonly id: number; readonly more: true }
  /** Nobody waits for the answer any more. */
  | { readonly id: number; readonly cancel: true }
  /** It listens, and is confined as far as `confinement` says. */
  | { readonly ready: Confinement }
  /** For the log. */
  | { readonly say: string };

/** What holds of the process. */
export interface Confinement {
  readonly isUnprivileged: boolean;
  /** System calls are filtered; seccomp(2). */
  readonly isFiltered: boolean;
}

/** How a request ends. */
export type Ended =
  /** `session`: the secret of a new session, or "" where it has ended. */
  | { readonly end: "ok"; readonly session?: string }
  | {
      readonly end: "error";
      readonly message: string;
      readonly code: ErrorCode;
      /** Further fields of the answer's body. */
      readonly details?: Readonly<Record<string, unknown>>;
    };

export type ToProcess =
  | { readonly plan: WebPlan }
  /** `etag`: of the configuration that they are about; with the first ones. */
  | { readonly id: number; readonly items: readonly unknown[]; readonly etag?: string }
  | ({ readonly id: number } & Ended)
  /** Finish what is under way and end. */
  | { readonly stop: true };
