// The first run on the web page: whoever has the password that `minismbd setup` shows gives the account a
// name and a password of his own, becomes the administrator, and may share a directory. For workers.
import { formatList } from "../administration/access-matrix.ts";
import { type ServerFiles, whyFixed } from "../administration/read-configuration.ts";
import { whyNotShared } from "../administration/shareable.ts";
import { updateConfigFile } from "../config/config-file.ts";
import { hasSection, type Option, setOptions } from "../config/edit.ts";
import { type Configuration, foldShareName, loadSections } from "../config/load.ts";
import type { Sections } from "../config/parse.ts";
import { Report } from "../config/report.ts";
import { shareValues } from "../config/effective.ts";
import { readMachine } from "../config/settings.ts";
import { newShareNameFault, valueFault } from "../config/share-name.ts";
import { NOBODY } from "../config/user-list.ts";
import { describeFault, walkDirectory } from "../directory-walk.ts";
import { Refusal } from "../refusal.ts";
import { isSameSecret } from "../secret-hash.ts";
import { ntHash } from "../users/nt-hash.ts";
import { findSpelling, readPasswordFile, updatePasswordFile } from "../users/password-file.ts";
import { foldUserName } from "../users/user-name.ts";
import { withdrawNotices } from "./notices.ts";
import { readSetupRecord, type SetupRecord, setupFileOf } from "./setup-record.ts";

export interface PageSetup {
  readonly files: ServerFiles;
  /** The first password, as somebody has typed it from the machine's notice. */
  readonly code: string;
  readonly user: string;
  /** NT hash of the new password, in hex. */
  readonly hash: string;
  readonly share?: { readonly name: string; readonly path: string } | undefined;
}

const LISTS = ["valid users", "read list", "write list"] as const;
type List = (typeof LISTS)[number] | "admin users";
/** Whom [global] names acts as root in every share, and his files would be root's. */
const NO_ADMINISTRATOR: Option = { key: "admin users", value: NOBODY };

/**
 * The configuration changes first, then the account: after a power cut in between the code is still valid.
 * Returns what was left undone. Throws Refusal, ConfigError.
 */
export function setUpFromPage({ code, files, hash, share, user }: PageSetup): string | undefined {
  const { file, passwordFile } = files;
  const fixed = whyFixed(files);
  if (fixed !== undefined || file === null || passwordFile === null)
    throw new Refusal("refused", fixed ?? "the server runs without a password file");
  const recordFile = setupFileOf(passwordFile);
  const record = findRecord(recordFile, passwordFile, code);
  if (share !== undefined) checkShare(share);
  updateConfigFile(
    file,
    (text, dialect) => {
      const sections = loadSections({ file, dialect }, readMachine(), new Report());
      return edit(text, dialect, sections, record.user, user, share);
    },
    {
      ...(files.dialect !== undefined && { dialect: files.dialect }),
      accept: (after) => checkOutcome(after, files, user, share),
    },
  );
  updatePasswordFile(passwordFile, (table) => {
    const before = findSpelling(table, record.user);
    if (before !== undefined && foldUserName(before) !== foldUserName(user)) table.delete(before);
    table.set(findSpelling(table, user) ?? user, hash);
  });
  return withdrawNotices(recordFile, record);
}

/** Throws Refusal for a wrong code, and where somebody has made users or logged on. */
function findRecord(recordFile: string, passwordFile: string, code: string): SetupRecord {
  const record = readSetupRecord(recordFile);
  if (record === undefined || !record.isComplete || record.password === "")
    throw new Refusal("refused", "this machine is set up already, or 'minismbd setup' has not run on it");
  if (!isSame(code, record.password))
    throw new Refusal("forbidden", "this is not the password that the machine shows for its first use");
  const table = readPasswordFile(passwordFile);
  const isUntouched = table.size === 1 && table.get(record.user) === ntHash(record.password);
  if (!isUntouched) throw new Refusal("refused", "there are users already, so the first run is over");
  return record;
}

/** Dashes, blanks and capitals do not matter. */
function isSame(given: string, wanted: string): boolean {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  return isSameSecret(plain(given), plain(wanted));
}

function checkShare({ name, path }: NonNullable<PageSetup["share"]>): void {
  const fault = newShareNameFault(name);
  if (fault !== undefined) throw new Refusal("bad-argument", fault);
  const found =
    path.startsWith("/") && !path.includes("\0") ? describeFault(walkDirectory(path)) : "is not absolute";
  if (found !== undefined) throw new Refusal("bad-argument", `${path} ${found}`);
}

function edit(
  text: string,
  dialect: Parameters<typeof setOptions>[3],
  sections: Sections,
  first: string,
  user: string,
  share: PageSetup["share"],
): string {
  const list = formatList([user]) ?? "";
  const fault = list === "" ? "it has quotation marks" : valueFault(list, dialect);
  if (fault !== undefined) throw new Refusal("bad-argument", `'${user}' cannot stand in a list: ${fault}`);
  // Earlier versions of `minismbd setup` have named the first account there.
  const roots = renamedLists(sections, "global", ["admin users"], first, user);
  const isRoot = roots.length > 0;
  let next = setOptions(text, "global", [{ key: "web admin users", value: list }, ...roots], dialect);
  for (const section of sections.keys()) {
    if (section === "global" || section.startsWith("user:") || !hasSection(next, section, dialect)) continue;
    const options = renamedLists(sections, section, LISTS, first, user);
    if (options.length === 0) continue;
    const all = isRoot ? [...options, NO_ADMINISTRATOR] : options;
    next = setOptions(next, section, all, dialect);
  }
  if (share === undefined) return next;
  if (hasSection(next, share.name, dialect))
    throw new Refusal("exists", `there is a share '${share.name}' already`);
  const options: Option[] = [
    { key: "path", value: share.path },
    { key: "read only", value: "no" },
    ...(isRoot ? [NO_ADMINISTRATOR] : []),
  ];
  for (const { value } of options) {
    const wrong = valueFault(value, dialect);
    if (wrong !== undefined) throw new Refusal("bad-argument", `'${value}': ${wrong}`);
  }
  return setOptions(next, share.name, options, dialect);
}

/** The lists of the section that name the first account, with the user in its place. */
function renamedLists(
  sections: Sections,
  section: string,
  lists: readonly List[],
  first: string,
  user: string,
): Option[] {
  const values = shareValues(sections, section);
  return lists.flatMap((key) => {
    const words = values?.list(key) ?? [];
    if (!words.some((word) => foldUserName(word) === foldUserName(first))) return [];
    const renamed = words.map((word) => (foldUserName(word) === foldUserName(first) ? user : word));
    return [{ key, value: formatList(renamed) ?? "" }];
  });
}

function checkOutcome(
  after: Configuration,
  files: ServerFiles,
  user: string,
  share: PageSetup["share"],
): void {
  const isShared = share === undefined || after.shares.has(foldShareName(share.name));
  if (!after.webAdministrators.lists(user) || !isShared)
    throw new Refusal("refused", "other lines of the configuration decide about it: change the file by hand");
  const fault = share && whyNotShared(share.path, after, files);
  if (fault !== undefined) throw new Refusal("bad-argument", fault);
}
