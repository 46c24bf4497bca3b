// The control socket's protocol: a line of JSON a message. A request is `{"version":1,"command":NAME,…}`; its
// answer is any number of `{"item":…}` and then `{"end":"ok"}`, or `{"end":"error","message":…}`.

export const PROTOCOL_VERSION = 1;
/** The longest request in bytes, its newline included. */
export const MAX_REQUEST_BYTES = 4096;

export interface Request {
  readonly version: number;
  readonly command: string;
  readonly [argument: string]: unknown;
}

/** A request that cannot be carried out; `message` is one line for the user. */
export class ControlError extends Error {
  override readonly name = "ControlError";
}

/** Throws ControlError. */
export function parseRequest(line: string): Request {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new ControlError("the request is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new ControlError("the request is not an object");
  const { version, command } = value as Record<string, unknown>;
  if (version !== PROTOCOL_VERSION)
    throw new ControlError(`the server speaks version ${PROTOCOL_VERSION} of this protocol alone`);
  if (typeof command !== "string") throw new ControlError("the request names no command");
  return value as Request;
}

/**
 * An argument that is a whole number; undefined where it is absent. Throws ControlError for another value.
 */
export function numberOf(request: Request, name: string): number | undefined {
  const value = request[name];
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
    throw new ControlError(`'${name}' is not a number`);
  return value;
}

/** An argument that is text; undefined where it is absent. Throws ControlError for another value. */
export function textOf(request: Request, name: string): string | undefined {
  const value = request[name];
  if (value === undefined) return undefined;
  if (typeof value !== "string" || value === "") throw new ControlError(`'${name}' is not a text`);
  return value;
}
