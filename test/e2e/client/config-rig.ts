// Rig of the tests of configurations: serves files as they stand, and says what a user may do in a share.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { CreateDisposition, CreateOption } from "../../../src/wire/command/create.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { Status } from "../../../src/wire/status.ts";
import { type Server, startServer } from "../../cli/executable.ts";
import type { User } from "../../peer/test-server.ts";
import { outcomeOf } from "./attack-rig.ts";
import type { LogOnOptions } from "./raw-calls.ts";
import { closeFile, createCall, type Mount, mountShare, openFile } from "./raw-files.ts";
import type { Place } from "./raw-socket.ts";
import { formatPasswordDatabase } from "./server.ts";

/** Options that a test's server needs whatever its configuration says. */
const OPTIONS = ["tcp port = 0", "interfaces = 127.0.0.1", "bind interfaces only = yes"];

export type Files = Readonly<Record<string, string>>;

/** Writes files below a directory; missing directories are made. */
export function writeFiles(directory: string, files: Files): void {
  for (const [name, text] of Object.entries(files)) {
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode: 0o640 });
  }
}

/** The words of `serve` for a configuration with these users. */
export function serveWords(directory: string, file: string, users: readonly User[]): string[] {
  const passwords = join(directory, "ksmbdpwd.db");
  writeFileSync(passwords, formatPasswordDatabase(users), { mode: 0o600 });
  const options = OPTIONS.flatMap((option) => ["-o", option]);
  return ["serve", "-C", join(directory, file), "-P", passwords, "-n", ...options];
}

export type Served = Server & Place;

/** Serves the configuration `file` of the directory. */
export async function serveFile(
  directory: string,
  file: string,
  users: readonly User[],
  ...more: readonly string[]
): Promise<Served> {
  const server = await startServer([...serveWords(directory, file, users), ...more]);
  return { ...server, host: "127.0.0.1" };
}

/** What a user gets: no share, no connection, or the right to read or to write. */
export type Permitted = "absent" | "refused" | "nothing" | "read" | "write";

/** Connects to the share, lists it and makes a file there. */
export async function accessOf(place: Place, user: LogOnOptions, share: string): Promise<Permitted> {
  let mount: Mount | undefined;
  const outcome = await outcomeOf(
    (async () => {
      mount = await mountShare(place, user, share);
    })(),
  );
  if (mount === undefined) return outcome === Status.BAD_NETWORK_NAME ? "absent" : "refused";
  const { client } = mount;
  try {
    const listing = {
      desiredAccess: Access.READ_DATA,
      createOptions: CreateOption.DIRECTORY_FILE,
    };
    const isListed = (await client.outcome(createCall(mount, "", listing))) === Status.SUCCESS;
    const making = {
      desiredAccess: Access.WRITE_DATA | Access.DELETE,
      createDisposition: CreateDisposition.CREATE,
      createOptions: CreateOption.DELETE_ON_CLOSE,
    };
    const made = await outcomeOf(openFile(mount, `made by ${process.pid}`, making).then(closeMade(mount)));
    if (made === Status.SUCCESS) return "write";
    return isListed ? "read" : "nothing";
  } finally {
    client.close();
  }
}

function closeMade(mount: Mount) {
  return ({ fileId }: { fileId: Parameters<typeof closeFile>[1] }): Promise<unknown> =>
    closeFile(mount, fileId);
}
