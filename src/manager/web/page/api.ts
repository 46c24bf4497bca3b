// Requests to the server's API, and who is logged on.
import { Cell } from "./cell.ts";
import type { SessionAnswer, VisitorAnswer } from "./model.ts";
import { sentence, t } from "./text.ts";

const BASE = "/api/v1/";

/** A request that the server refused; `message` is a sentence for people. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** HTTP's; 0 where no server answered. */
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(sentence(message));
    this.status = status;
    this.code = code;
  }

  /** Somebody else has changed the configuration since it was loaded. */
  get isChangedMeanwhile(): boolean {
    return this.code === "changed";
  }
}

export interface Answer<T> {
  readonly value: T;
  /** Of the configuration that the value was read from; "" for others. */
  readonly etag: string;
}

export type Visitor =
  | { readonly state: "unknown" }
  | {
      readonly state: "out";
      readonly serverName: string;
      readonly firstRun: boolean;
      readonly isExpired: boolean;
    }
  | ({ readonly state: "in" } & SessionAnswer);

export const visitor = new Cell<Visitor>({ state: "unknown" });
/** The server has another version than the one that this page came from. */
export const isOutdated = new Cell(false);

let version: string | undefined;

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** Throws ApiError. After a 401 the visitor is logged off. */
export async function ask<T>(method: Method, path: string, body?: object, etag?: string): Promise<Answer<T>> {
  const response = await send(method, path, body, etag);
  const value = await readBody(response);
  if (response.ok) return { value: value as T, etag: response.headers.get("ETag") ?? "" };
  if (response.status === 401 && path !== "session") expire();
  const { error, code } = (value ?? {}) as { readonly error?: unknown; readonly code?: unknown };
  throw new ApiError(
    response.status,
    typeof code === "string" ? code : "",
    typeof error === "string" && error !== "" ? error : t("fault.status", { status: response.status }),
  );
}

async function send(method: Method, path: string, body?: object, etag?: string): Promise<Response> {
  const headers: Record<string, string> = {};
  const current = visitor.value;
  if (method !== "GET" && current.state === "in") headers["X-CSRF"] = current.csrf;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (etag !== undefined && etag !== "") headers["If-Match"] = etag;
  const how: RequestInit = { method, headers, cache: "no-store", redirect: "error" };
  if (body !== undefined) how.body = JSON.stringify(body);
  try {
    return await fetch(BASE + path, how);
  } catch {
    throw new ApiError(0, "no-answer", t("fault.no-answer"));
  }
}

async function readBody(response: Response): Promise<unknown> {
  const text = await response.text().catch(() => "");
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function get<T>(path: string): Promise<Answer<T>> {
  return ask<T>("GET", path);
}

/** Path of a thing with a name that people gave. */
export function pathOf(list: "shares" | "users" | "tokens", name: string, ...more: string[]): string {
  return [list, encodeURIComponent(name), ...more].join("/");
}

/** Asks who is logged on. Throws ApiError where no server answers. */
export async function findSession(): Promise<void> {
  const response = await send("GET", "session");
  const value = await readBody(response);
  if (response.status === 401) {
    const { serverName = "", firstRun = false } = (value ?? {}) as Partial<VisitorAnswer>;
    const isExpired = visitor.value.state === "in";
    visitor.set({ state: "out", serverName, firstRun, isExpired });
  } else if (response.ok && value !== undefined) enter(value as SessionAnswer);
  else throw new ApiError(response.status, "", t("fault.status", { status: response.status }));
}

/** Throws ApiError. */
export async function logOn(user: string, password: string): Promise<void> {
  await ask("POST", "session", { user, password });
  await findSession();
}

export async function logOff(): Promise<void> {
  await ask("DELETE", "session").catch(() => {});
  const current = visitor.value;
  const serverName = current.state === "in" ? current.serverName : "";
  visitor.set({ state: "out", serverName, firstRun: false, isExpired: false });
}

function enter(answer: SessionAnswer): void {
  version ??= answer.version;
  if (answer.version !== version) isOutdated.set(true);
  visitor.set({ state: "in", ...answer });
}

function expire(): void {
  const current = visitor.value;
  if (current.state !== "in") return;
  visitor.set({ state: "out", serverName: current.serverName, firstRun: false, isExpired: true });
}
