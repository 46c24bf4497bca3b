// The head of an HTTP/1.1 request, read strictly: what two readers could understand in two ways is refused,
// so that nobody can hide a request in another one; RFC 9112. Pure.

export interface RequestHead {
  readonly method: string;
  /** Percent-encoded, without the query. */
  readonly path: string;
  readonly query: string;
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** Content-Length; 0 without one. */
  readonly bodyBytes: number;
  /** The client closes the connection after the answer. */
  readonly isLast: boolean;
}

/** Why a request is refused. The connection ends: where the next request begins is not known. */
export interface HeadFault {
  readonly status: 400 | 413 | 417 | 431 | 501 | 505;
  readonly text: string;
}

/** Of the request line and the headers, their end included. */
export const MAX_HEAD_BYTES = 8_192;
export const MAX_HEADERS = 64;
export const MAX_BODY_BYTES = 65_536;

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** No control characters; bytes from 0x80 on are the peer's affair (obs-text). */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** A path, with a query perhaps: visible characters without the `#` of a fragment. */
const TARGET = /^\/[\x21\x22\x24-\x7e]*$/;
const VERSION = /^HTTP\/(\d)\.(\d)$/;
/** These alone may be there twice: lists whose parts do not matter here. */
const REPEATABLE = new Set([
  "accept",
  "accept-encoding",
  "accept-language",
  "cache-control",
  "via",
  "forwarded",
]);

/** The index behind the empty line that ends the head; -1 while it has not come. */
export function findHeadEnd(bytes: Uint8Array): number {
  const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf("\r\n\r\n");
  return at < 0 ? -1 : at + 4;
}

/** `bytes` end with the empty line. */
export function parseHead(bytes: Uint8Array): RequestHead | HeadFault {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length - 4).toString("latin1");
  const [first = "", ...lines] = text.split("\r\n");
  if (/[\r\n\0]/.test(first) || lines.some((line) => /[\r\n\0]/.test(line)))
    return refuse(400, "a line ends with something else than CR LF");
  const words = first.split(" ");
  const [method = "", target = "", version = ""] = words;
  const [, major, minor] = VERSION.exec(version) ?? [];
  if (words.length !== 3 || !TOKEN.test(method) || major === undefined)
    return refuse(400, "this is no request of HTTP");
  if (major !== "1" || minor !== "1") return refuse(505, "only HTTP/1.1 is spoken here");
  if (!TARGET.test(target)) return refuse(400, "the request's target is no path");
  const headers = parseHeaders(lines);
  if ("status" in headers) return headers;
  const body = bodyOf(method, headers);
  if (typeof body !== "number") return body;
  if (headers.get("host") === undefined) return refuse(400, "the header Host is missing");
  const at = target.indexOf("?");
  return {
    method,
    path: at < 0 ? target : target.slice(0, at),
    query: at < 0 ? "" : target.slice(at + 1),
    headers,
    bodyBytes: body,
    isLast: /(?:^|,)\s*close\s*(?:,|$)/i.test(headers.get("connection") ?? ""),
  };
}

function parseHeaders(lines: readonly string[]): Map<string, string> | HeadFault {
  if (lines.length > MAX_HEADERS) return refuse(431, `a request has at most ${MAX_HEADERS} headers`);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const at = line.indexOf(":");
    const name = line.slice(0, Math.max(0, at)).toLowerCase();
    // A name with a blank behind it, and a line that continues the one before, are no tokens.
    if (!TOKEN.test(name)) return refuse(400, "a header has no valid name");
    const value = line.slice(at + 1).replace(/^[\t ]+|[\t ]+$/g, "");
    if (!FIELD_VALUE.test(value)) return refuse(400, "a header has a control character");
    const before = headers.get(name);
    if (before !== undefined && !REPEATABLE.has(name)) return refuse(400, "a header is there twice");
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return headers;
}

/** The length of the body. */
function bodyOf(method: string, headers: ReadonlyMap<string, string>): number | HeadFault {
  if (headers.has("transfer-encoding")) return refuse(501, "a body has a Content-Length here");
  if (headers.has("expect")) return refuse(417, "the header Expect is not understood");
  const length = headers.get("content-length");
  if (length === undefined) return 0;
  if (!/^\d{1,15}$/.test(length)) return refuse(400, "Content-Length is not a number");
  const count = Number(length);
  if (count > MAX_BODY_BYTES) return refuse(413, `a body has at most ${MAX_BODY_BYTES} bytes`);
  if (count > 0 && (method === "GET" || method === "HEAD")) return refuse(400, `${method} has no body here`);
  return count;
}

function refuse(status: HeadFault["status"], text: string): HeadFault {
  return { status, text };
}
