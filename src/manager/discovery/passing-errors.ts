// Errors of new sockets that end by themselves, so that the socket is made later.

/** No descriptors or memory are left; an IPv6 address that the kernel has not found to be unique yet. */
const PASSING: ReadonlySet<string | undefined> = new Set([
  "EMFILE",
  "ENFILE",
  "ENOBUFS",
  "ENOMEM",
  "EADDRNOTAVAIL",
]);

export const RETRY_MS = 5000;

export function isPassing({ code }: NodeJS.ErrnoException): boolean {
  return PASSING.has(code);
}
