// Which requests are the server's own page's: by the headers Host, Origin and Sec-Fetch-Site. Pure.
import { isLoopback, parseAddress } from "../../config/hosts.ts";

/** What the rules look at. */
export interface JudgedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly isSecure: boolean;
  readonly remoteAddress: string;
  readonly localAddress: string;
}

/** The answer to a request that goes no further; `to` is where the client is sent. */
export type Ruling =
  { readonly status: 403 | 421; readonly text: string } | { readonly status: 308; readonly to: string };

/** Undefined: the request may be answered. `names` are the server's, in lower case. */
export function judgeRequest(request: JudgedRequest, names: ReadonlySet<string>): Ruling | undefined {
  const { headers, isSecure, localAddress, method, path, query, remoteAddress } = request;
  const host = headers.get("host") ?? "";
  if (!isOwnHost(host, names, localAddress))
    return { status: 421, text: "this server has no such name; 'netbios aliases' gives it others" };
  if (!isSecure && !isOfThisMachine(remoteAddress)) {
    if (method !== "GET" && method !== "HEAD") return { status: 403, text: "use https" };
    return { status: 308, to: `https://${host}${path}${query === "" ? "" : `?${query}`}` };
  }
  if (path.startsWith("/api/") && !isSameOrigin(headers, isSecure))
    return { status: 403, text: "the request comes from another page" };
  return undefined;
}

const HOST = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+)(?::\d{1,5})?$/;

/**
 * The Host header names this server: one of `names` (in lower case), or the address that the client has
 * connected to. A page of a name that was made to resolve to this server (DNS rebinding) has another one.
 */
function isOwnHost(host: string, names: ReadonlySet<string>, localAddress: string): boolean {
  const [, name = ""] = HOST.exec(host) ?? [];
  if (names.has(name.toLowerCase().replace(/\.$/, ""))) return true;
  const given = parseAddress(name);
  const own = parseAddress(localAddress);
  return given !== undefined && own !== undefined && Buffer.compare(given, own) === 0;
}

/** A loopback address, which nobody else's packets come from. */
function isOfThisMachine(address: string): boolean {
  const bytes = parseAddress(address);
  return bytes !== undefined && isLoopback(bytes);
}

/**
 * False where the browser says that a page of another origin has sent the request. Programs say nothing of
 * it.
 */
function isSameOrigin(headers: ReadonlyMap<string, string>, isSecure: boolean): boolean {
  const origin = headers.get("origin");
  const own = `${isSecure ? "https" : "http"}://${headers.get("host")?.toLowerCase() ?? ""}`;
  if (origin !== undefined && origin.toLowerCase() !== own) return false;
  const site = headers.get("sec-fetch-site");
  return site === undefined || site === "same-origin" || site === "none";
}

/** The value of a cookie; undefined where it is not there or there twice. */
export function cookieOf(headers: ReadonlyMap<string, string>, name: string): string | undefined {
  const found = (headers.get("cookie") ?? "")
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`));
  return found.length === 1 ? found[0]?.slice(name.length + 1) : undefined;
}
