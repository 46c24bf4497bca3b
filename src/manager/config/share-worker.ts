// Worker that adds, changes or deletes one share in the configuration file, because the event loop never
// waits for a disk.
import { realpathSync, statSync } from "node:fs";
import { isAbsolute } from "node:path";
import { updateConfigFile } from "./config-file.ts";
import { hasSection, type Option, removeSection, setOptions } from "./edit.ts";
import type { Dialect } from "./lines.ts";
import { type Configuration, foldShareName, loadConfiguration } from "./load.ts";
import { foldKey } from "./parse.ts";
import type { Share } from "./share.ts";
import type { ShareChange, ShareChangeAnswer, ShareChangeFault, ShareChangeRequest } from "./share-change.ts";
import { isUcisPlace } from "../paths.ts";
import { newShareNameFault, valueFault } from "./share-name.ts";

declare const self: Worker;

/** MAXCOMMENTSZ of Windows' clients, in UTF-16 units. */
const MAX_COMMENT_UNITS = 256;

self.onmessage = (event: MessageEvent<ShareChangeRequest>) => {
  self.postMessage(changeShare(event.data));
};

class Refusal extends Error {
  readonly fault: ShareChangeFault;

  constructor(fault: ShareChangeFault, reason: string) {
    super(reason);
    this.fault = fault;
  }
}

function changeShare(request: ShareChangeRequest): ShareChangeAnswer {
  try {
    const { file, dialect } = request;
    if (isUcisPlace(file))
      throw new Refusal("elsewhere", "the shares of this router are in UCI, /etc/config/ksmbd");
    const before = loadConfiguration({ file, ...(dialect !== undefined && { dialect }) });
    const change = findTarget(request, before);
    updateConfigFile(file, (text, written) => edit(change, before, text, written), {
      ...(dialect !== undefined && { dialect }),
      accept: (after) => checkOutcome(change, before, after),
    });
    return { fault: undefined, reason: "" };
  } catch (error) {
    if (error instanceof Refusal) return { fault: error.fault, reason: error.message };
    return { fault: "failed", reason: error instanceof Error ? error.message : String(error) };
  }
}

/** The change with the share's name as it is written, and its directory without symbolic links. */
function findTarget({ change, directories }: ShareChangeRequest, before: Configuration): ShareChange {
  const existing = before.shares.get(foldShareName(change.name));
  if (change.kind !== "add") {
    if (existing === undefined) throw new Refusal("missing", "there is no such share");
    return { ...change, name: existing.name };
  }
  const fault =
    foldKey(change.name) === "global" ? "[global] is not a share" : newShareNameFault(change.name);
  if (fault !== undefined) throw new Refusal("bad name", fault);
  if (existing !== undefined) throw new Refusal("exists", "the share exists already");
  return { ...change, path: findDirectory(change.path, directories) };
}

function findDirectory(written: string, directories: readonly string[]): string {
  const path = realPath(written);
  if (path === undefined || statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new Refusal("no directory", `there is no directory ${JSON.stringify(written)}`);
  const isAllowed = directories.some((directory) => {
    const root = realPath(directory);
    return root !== undefined && (path === root || root === "/" || path.startsWith(`${root}/`));
  });
  if (!isAllowed)
    throw new Refusal("outside", `'client share directories' does not have ${JSON.stringify(path)}`);
  return path;
}

/** Undefined where there is no such file. */
function realPath(path: string): string | undefined {
  if (!isAbsolute(path) || path.includes("\0")) return undefined;
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function edit(change: ShareChange, before: Configuration, text: string, dialect: Dialect): string {
  const { kind, name } = change;
  const isWritten = hasSection(text, name, dialect);
  if (kind === "add" && isWritten) throw new Refusal("exists", "the file has such a section already");
  if (kind !== "add" && !isWritten)
    throw new Refusal("elsewhere", "the share is not in the configuration file itself");
  if (kind === "delete") return removeSection(text, name, dialect);
  const options = optionsOf(change, before.shares.get(foldShareName(name)));
  for (const { key, value } of options) {
    const fault = valueFault(value, dialect);
    if (fault !== undefined) throw new Refusal("bad value", `'${key}': ${fault}`);
  }
  return setOptions(text, name, options, dialect);
}

function optionsOf(change: Exclude<ShareChange, { kind: "delete" }>, existing: Share | undefined): Option[] {
  const { comment, maxConnections } = change;
  const options: Option[] = change.kind === "add" ? [{ key: "path", value: change.path }] : [];
  // Clients send back what they were shown along with what they change.
  if (comment !== undefined && comment !== (existing?.comment ?? "")) {
    if (comment.length > MAX_COMMENT_UNITS) throw new Refusal("bad value", "the comment is too long");
    options.push({ key: "comment", value: comment });
  }
  if (maxConnections !== undefined) options.push({ key: "max connections", value: String(maxConnections) });
  return options;
}

/** What the server will read is what was asked for, and all other shares are as they were. */
function checkOutcome(change: ShareChange, before: Configuration, after: Configuration): void {
  const folded = foldShareName(change.name);
  for (const [name, share] of before.shares)
    if (name !== folded && !Bun.deepEquals(share, after.shares.get(name)))
      throw new Refusal("elsewhere", `share [${share.name}] depends on it`);
  const expected = before.shares.size + (change.kind === "add" ? 1 : change.kind === "delete" ? -1 : 0);
  const share = after.shares.get(folded);
  if (after.shares.size !== expected || (share === undefined) !== (change.kind === "delete"))
    throw new Refusal("elsewhere", "other lines of the configuration, or an included file, decide about it");
  if (share === undefined || change.kind === "delete") return;
  const { comment } = change;
  if (change.kind === "add" && share.path !== change.path)
    throw new Refusal("bad value", `the configuration would read the path as ${JSON.stringify(share.path)}`);
  if ((change.kind === "add" && share.isPersonal) || (comment !== undefined && share.comment !== comment))
    throw new Refusal("bad value", `the configuration would read the comment or the path in another way`);
  if (change.maxConnections !== undefined && share.maxConnections !== change.maxConnections)
    throw new Refusal("bad value", "the number of connections is out of range");
}
