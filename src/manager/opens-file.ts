// The file in which a server that ends leaves its durable opens to the next one, beside the lock file: in the
// runtime directory, which is in memory.
import { closeSync, constants, fstatSync, openSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import type { OpensKeeper } from "../port/control.ts";
import type { Log } from "./log/log.ts";

/** `ksmbd.opens` beside `ksmbd.lock`. */
export function opensFileOf(lockFile: string): string {
  return `${lockFile.replace(/\.lock$/, "")}.opens`;
}

export function openOpensFile(file: string, log: Pick<Log, "warn">): OpensKeeper {
  return {
    take: (maxBytes) => {
      try {
        const bytes = read(file, maxBytes);
        remove(file);
        return bytes;
      } catch (error) {
        log.warn(`${file}: the durable opens of the server before are lost (${codeOf(error)})`);
        return undefined;
      }
    },
    leave: (bytes) => {
      try {
        remove(file);
        write(file, bytes);
      } catch (error) {
        log.warn(`${file}: the durable opens cannot be left to the next server (${codeOf(error)})`);
      }
    },
  };
}

/** OpenWrt's runtime directory is /tmp, where any user may put a file of that name: only one's own counts. */
function read(file: string, maxBytes: number): Uint8Array | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const stat = fstatSync(descriptor);
    const isOwn = stat.isFile() && stat.uid === process.geteuid?.() && (stat.mode & 0o077) === 0;
    if (!isOwn || stat.size > maxBytes) return undefined;
    const { buffer, byteLength, byteOffset } = readFileSync(descriptor);
    return new Uint8Array(buffer, byteOffset, byteLength);
  } finally {
    closeSync(descriptor);
  }
}

function write(file: string, bytes: Uint8Array): void {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const descriptor = openSync(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    writeFileSync(descriptor, bytes);
  } catch (error) {
    remove(file);
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

function remove(file: string): void {
  try {
    unlinkSync(file);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}

function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException).code ?? error);
}
