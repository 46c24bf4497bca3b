// Version and commit, defined by build.ts.

declare const MINISMBD_VERSION: string | undefined;
declare const MINISMBD_COMMIT: string | undefined;

export const VERSION = typeof MINISMBD_VERSION === "string" ? MINISMBD_VERSION : "0.0.0";
/** Short git commit; empty if unknown. */
export const COMMIT = typeof MINISMBD_COMMIT === "string" ? MINISMBD_COMMIT : "";
