// Which requests are the server's own page's: by the headers Host, Origin and Sec-Fetch-Site. Pure.
import { parseAddress } from "../../config/hosts.ts";

const HOST = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+)(?::\d{1,5})?$/;

/**
 * The Host header names this server: one of `names` (in lower case), or the address that the client has
 * connected to. A page of a name that was made to resolve to this server (DNS rebinding) has another one.
 */
export function isOwnHost(host: string, names: ReadonlySet<string>, localAddress: string): boolean {
  const [, name = ""] = HOST.exec(host) ?? [];
  if (names.has(name.toLowerCase().replace(/\.$/, ""))) return true;
  const given = parseAddress(name);
  const own = parseAddress(localAddress);
  return given !== undefined && own !== undefined && Buffer.compare(given, own) === 0;
}

/** A loopback address, which nobody else's packets come from. */
export function isLoopback(address: string): boolean {
  return address === "::1" || /^(?:::ffff:)?127\./i.test(address);
}

/**
 * False where the browser says that a page of another origin has sent the request. Programs say nothing of
 * it.
 */
export function isSameOrigin(headers: ReadonlyMap<string, string>, isSecure: boolean): boolean {
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
