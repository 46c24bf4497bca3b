// `minismbd version`, and `-V` of the ksmbd tools.
import { COMMIT, VERSION } from "../manager/version.ts";

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
