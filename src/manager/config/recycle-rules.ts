// Options of the recycle bin; vfs_recycle(8), plus limits of age and size.
import type { Identity, RecycleRules } from "../../port/port.ts";
import { hasModule } from "./name-rules.ts";
import type { SectionValues } from "./section-values.ts";

const STANDARD_REPOSITORY = ".recycle";

/** Null if the share has no recycle bin. */
export function readRecycleRules(values: SectionValues): RecycleRules | null {
  if (!hasModule(values, "recycle")) return null;
  const directoryMode = values.number("recycle:directory_mode") ?? 0o700;
  return Object.freeze({
    repository: readRepository(values),
    keepTree: values.boolean("recycle:keeptree"),
    versions: values.boolean("recycle:versions"),
    touchAccess: values.boolean("recycle:touch"),
    touchModify: values.boolean("recycle:touch_mtime"),
    directoryMode,
    subdirectoryMode: values.number("recycle:subdir_mode") ?? directoryMode,
    exclude: Object.freeze(splitPatterns(values.text("recycle:exclude"))),
    excludeDirectories: Object.freeze(splitPatterns(values.text("recycle:exclude_dir")).map(trimSlashes)),
    noVersions: Object.freeze(splitPatterns(values.text("recycle:noversions"))),
    minBytes: values.number("recycle:minsize") ?? 0,
    maxBytes: values.number("recycle:maxsize") ?? 0,
    maxAgeDays: values.number("recycle:maxage") ?? 0,
    limitBytes: values.number("recycle:limit") ?? 0,
  });
}

/** Splits at commas, bars, semicolons and blanks; double quotes protect a word with blanks. */
function splitPatterns(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|[^\s,;|"]+/g)]
    .map((match) => match[1] ?? match[0])
    .filter((word) => word !== "");
}

function trimSlashes(path: string): string {
  return path.replace(/^\/+|\/+$/g, "");
}

function readRepository(values: SectionValues): string {
  const written = values.text("recycle:repository");
  const path = trimSlashes(written).replace(/\/+/g, "/");
  const isBad = path === "" || path.split("/").some((name) => name === "." || name === "..");
  const unknown = /%(?![USum])./.exec(path)?.[0];
  if (!isBad && unknown === undefined) return path;
  const why = isBad ? "is not a directory below the share" : `has the unknown variable ${unknown}`;
  values.warn("recycle:repository", `'${written}' ${why}; '${STANDARD_REPOSITORY}' is used`);
  return STANDARD_REPOSITORY;
}

/** The rules with the variables in the repository's path replaced for one user. */
export function fillRepository(rules: RecycleRules, share: string, identity: Identity): RecycleRules {
  if (!rules.repository.includes("%")) return rules;
  const user = identity.isGuest || identity.user === "" ? "guest" : identity.user.toLowerCase();
  const texts: Readonly<Record<string, string>> = { U: user, u: user, S: share, m: identity.remoteAddress };
  const repository = rules.repository.replace(/%([USum])/g, (_whole, letter: string) =>
    asName(texts[letter] ?? ""),
  );
  return Object.freeze({ ...rules, repository });
}

// A user's name becomes one component of the path, whatever it contains.
function asName(text: string): string {
  const safe = text.replace(/[/\\\0:]/g, "_");
  return safe === "" || /^\.+$/.test(safe) ? "_" : safe;
}
