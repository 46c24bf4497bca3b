// Tells whether a file was replaced or changed since it was read.
import { statSync } from "node:fs";

/** "-": there is no such file. Throws where the file cannot be examined. */
export function stampOf(file: string): string {
  const found = statSync(file, { throwIfNoEntry: false, bigint: true });
  return found ? `${found.dev}.${found.ino}.${found.size}.${found.mtimeNs}.${found.ctimeNs}` : "-";
}
