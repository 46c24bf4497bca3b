// The head of an HTTP/1.1 answer, with the headers that protect the page in a browser. Pure.

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  201: "Created",
  204: "No Content",
  304: "Not Modified",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  417: "Expectation Failed",
  421: "Misdirected Request",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  501: "Not Implemented",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
  507: "Insufficient Storage",
};

/**
 * Scripts, styles and data come from this server alone, none of them inline, and nobody frames the page. No
 * Strict-Transport-Security: it would count for every port of the host's name, and browsers ignore it where
 * the certificate is the device's own.
 */
const PROTECTION: readonly (readonly [string, string])[] = [
  [
    "Content-Security-Policy",
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
      "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  ],
  ["X-Content-Type-Options", "nosniff"],
  ["X-Frame-Options", "DENY"],
  ["Referrer-Policy", "same-origin"],
  ["Cross-Origin-Opener-Policy", "same-origin"],
  ["Cross-Origin-Resource-Policy", "same-origin"],
  ["Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"],
];

export type Headers = Readonly<Record<string, string>>;

/** `isLast`: the connection ends with the answer. */
export function formatHead(status: number, headers: Headers, isLast: boolean): string {
  const lines = [`HTTP/1.1 ${status} ${REASONS[status] ?? "Error"}`];
  for (const [name, value] of PROTECTION) lines.push(`${name}: ${value}`);
  // What is not said to be storable is not stored.
  if (headers["Cache-Control"] === undefined) lines.push("Cache-Control: no-store");
  lines.push(`Date: ${new Date().toUTCString()}`);
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${clean(value)}`);
  lines.push(`Connection: ${isLast ? "close" : "keep-alive"}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** A value cannot begin another header. */
function clean(value: string): string {
  return value.replace(/[^\t\x20-\x7e]/g, "");
}
