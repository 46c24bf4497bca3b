// The HTTP API over the operations: which request asks for which operation with which arguments, and the
// status of each outcome. Pure functions, without any socket.
import type { HttpMethod, Operation } from "./operation.ts";
import { findOperation, OPERATIONS, type OperationName } from "./operations.ts";
import { ControlError, type ErrorCode } from "./protocol.ts";
import type { Schema } from "./schema.ts";

/** Before every path of the table. */
export const API_ROOT = "/api/v1";

export interface ApiRequest {
  readonly method: string;
  /** Percent-encoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Of JSON; undefined: the request has no body. */
  readonly body: unknown;
  /** The header If-Match. */
  readonly ifMatch: string | undefined;
}

/** What the control socket would be asked. */
export interface Call {
  readonly operation: OperationName;
  readonly args: Readonly<Record<string, unknown>>;
}

/** The HTTP status of each error. */
export const STATUS_OF_CODE: Readonly<Record<ErrorCode, number>> = {
  "bad-request": 400,
  "bad-argument": 400,
  refused: 400,
  "not-logged-on": 401,
  forbidden: 403,
  "unknown-command": 404,
  "not-found": 404,
  "wrong-method": 405,
  exists: 409,
  changed: 409,
  "too-large": 413,
  "too-many": 429,
  failed: 503,
  "no-space": 507,
};

/** The body of an error. */
export interface ApiError {
  readonly error: string;
  readonly code: ErrorCode;
}

export function errorOf(error: ControlError): { readonly status: number; readonly body: ApiError } {
  return { status: STATUS_OF_CODE[error.code], body: { error: error.message, code: error.code } };
}

/** Of an operation that was carried out. */
export function statusOfSuccess({ answer, makesItem }: Operation): 200 | 201 | 204 {
  if (answer === "none") return 204;
  return makesItem === true ? 201 : 200;
}

/** The status and the body: the list, the one item, or none. */
export function answerOf(
  operation: Operation,
  items: readonly unknown[],
): { readonly status: number; readonly body: unknown } {
  const { answer } = operation;
  const body = answer === "none" ? undefined : answer === "one" ? items[0] : items;
  return { status: statusOfSuccess(operation), body };
}

/** The methods that a path has; empty where there is no such path. */
export function methodsOf(path: string): readonly HttpMethod[] {
  return routesOf(path).map(({ method }) => method);
}

/** Throws ControlError for a path, method or argument that no operation has. */
export function callOf(request: ApiRequest): Call {
  const routes = routesOf(request.path);
  if (routes.length === 0) throw new ControlError(`there is no ${request.path.slice(0, 200)}`, "not-found");
  const route = routes.find(({ method }) => method === request.method);
  if (route === undefined)
    throw new ControlError(`use ${routes.map(({ method }) => method).join(" or ")} there`, "wrong-method");
  const { name, operation, inPath } = route;
  const given = request.method === "GET" ? fromQuery(operation, request.query) : fromBody(operation, request);
  for (const argument of Object.keys(given))
    // The etag is a header.
    if (argument === "etag" || !Object.hasOwn(operation.args, argument) || Object.hasOwn(inPath, argument))
      throw new ControlError(`there is no argument '${argument.slice(0, 64)}'`, "bad-argument");
  return { operation: name, args: { ...given, ...inPath, ...etagOf(operation, request.ifMatch) } };
}

interface Route {
  readonly name: OperationName;
  readonly operation: Operation;
  readonly method: HttpMethod;
  readonly inPath: Readonly<Record<string, string>>;
}

function routesOf(path: string): readonly Route[] {
  if (!path.startsWith(`${API_ROOT}/`)) return [];
  const parts = path.slice(API_ROOT.length + 1).split("/");
  return (Object.keys(OPERATIONS) as OperationName[]).flatMap((name) => {
    const operation = findOperation(name);
    const http = operation?.http;
    const inPath = http && matchPath(http.path.slice(1).split("/"), parts);
    return operation && inPath ? [{ name, operation, method: http.method, inPath }] : [];
  });
}

/** The arguments in the path; undefined where it is another one. */
function matchPath(
  template: readonly string[],
  parts: readonly string[],
): Readonly<Record<string, string>> | undefined {
  if (template.length !== parts.length) return undefined;
  const inPath: Record<string, string> = {};
  for (const [i, part] of template.entries()) {
    const given = parts[i] ?? "";
    const [, argument] = /^\{(.+)\}$/.exec(part) ?? [];
    if (argument === undefined && part !== given) return undefined;
    const decoded = argument === undefined ? "" : decode(given);
    if (decoded === undefined) return undefined;
    if (argument !== undefined) inPath[argument] = decoded;
  }
  return inPath;
}

function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

function fromQuery({ args }: Operation, query: URLSearchParams): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const [name, value] of query) {
    if (Object.hasOwn(given, name))
      throw new ControlError(`'${name.slice(0, 64)}' is there twice`, "bad-argument");
    given[name] = Object.hasOwn(args, name) ? valueOfText(value, args[name]) : value;
  }
  return given;
}

function valueOfText(value: string, schema: Schema | undefined): unknown {
  if (schema?.type === "integer" && /^\d{1,16}$/.test(value)) return Number(value);
  if (schema?.type === "boolean" && /^(?:true|false)$/.test(value)) return value === "true";
  return value;
}

function fromBody({ http }: Operation, { body }: ApiRequest): Record<string, unknown> {
  if (http?.body !== undefined) return { [http.body]: body };
  if (body === undefined) return {};
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw new ControlError("the body is not an object", "bad-request");
  return { ...body };
}

/** If-Match is one entity tag, or `*` for whatever is there; RFC 9110, 13.1.1. */
function etagOf({ changes, isVersioned }: Operation, ifMatch: string | undefined): { etag?: string } {
  if (isVersioned !== true || !changes || ifMatch === "*") return {};
  if (ifMatch === undefined)
    throw new ControlError("If-Match is missing: read the configuration, and send its ETag", "changed");
  const [, etag] = /^\s*(?:W\/)?"([^"]*)"\s*$/.exec(ifMatch) ?? [];
  if (etag === undefined) throw new ControlError("If-Match is no entity tag", "bad-request");
  return { etag };
}
