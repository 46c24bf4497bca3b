// Version and commit, defined by build.ts.

declare const MINISMBD_VERSION: string | undefined;
declare const MINISMBD_COMMIT: string | undefined;

export const VERSION = typeof MINISMBD_VERSION === "string" ? MINISMBD_VERSION : "0.0.0";
/** Short git commit; empty if unknown. */
export const COMMIT = typeof MINISMBD_COMMIT === "string" ? MINISMBD_COMMIT : "";

/** `minismbd version`. */
export function run(): number {
  process.stdout.write(`minismbd ${VERSION}${COMMIT === "" ? "" : ` (${COMMIT})`}\n`);
  return 0;
}

/** In the format that LuCI parses from `ksmbd.mountd -V`. */
export function printToolVersion(tool: string): number {
  process.stdout.write(`[${tool}/${process.pid}]: INFO: ksmbd-tools version : ${VERSION} (minismbd)\n`);
  return 0;
}
