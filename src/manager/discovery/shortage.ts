// What ends by itself: a socket could not be made for want of descriptors or memory.

const SHORTAGES: ReadonlySet<string | undefined> = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]);

export const SHORTAGE_RETRY_MS = 5000;

export function isShortage({ code }: NodeJS.ErrnoException): boolean {
  return SHORTAGES.has(code);
}
