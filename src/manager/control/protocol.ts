// The control socket's protocol: a line of JSON a message. A request is `{"version":1,"command":NAME,…}`; its
// answer is any number of `{"item":…}` and then `{"end":"ok"}`, with `"etag":…` where it is about the
// configuration, or `{"end":"error","message":…,"code":…}`.

export const PROTOCOL_VERSION = 1;
/** The longest request in bytes, its newline included. */
export const MAX_REQUEST_BYTES = 65_536;

export interface Request {
  readonly version: number;
  readonly command: string;
  readonly [argument: string]: unknown;
}

/** Why a request cannot be carried out, for programs; http-routes.ts has the HTTP status of each. */
export type ErrorCode =
  | "bad-request"
  | "bad-argument"
  | "unknown-command"
  | "not-found"
  | "not-logged-on"
  | "forbidden"
  | "wrong-method"
  | "exists"
  | "changed"
  | "refused"
  | "too-large"
  | "too-many"
  | "failed"
  | "no-space";

/** A request that cannot be carried out; `message` is one line for the user. */
export class ControlError extends Error {
  override readonly name = "ControlError";
  readonly code: ErrorCode;

  constructor(message: string, code: ErrorCode = "failed") {
    super(message);
    this.code = code;
  }
}

/** What a client hears of an error; of a fault of the server's own, nothing but that it is one. */
export function refusalOf(error: unknown): Pick<ControlError, "code" | "message"> {
  if (error instanceof ControlError) return error;
  return { code: "failed", message: "the server has met a fault of its own, its log says which" };
}

/** Throws ControlError. */
export function parseRequest(line: string): Request {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new ControlError("the request is not JSON", "bad-request");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new ControlError("the request is not an object", "bad-request");
  const { version, command } = value as Record<string, unknown>;
  if (version !== PROTOCOL_VERSION)
    throw new ControlError(
      `the server speaks version ${PROTOCOL_VERSION} of this protocol alone`,
      "bad-request",
    );
  if (typeof command !== "string") throw new ControlError("the request names no command", "bad-request");
  return value as Request;
}
