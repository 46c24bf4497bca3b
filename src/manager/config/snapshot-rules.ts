// Options of previous versions; vfs_shadow_copy2(8), snapper(8).
import type { SnapshotRules } from "../../port/port.ts";
import { hasModule } from "./name-rules.ts";
import type { SectionValues } from "./section-values.ts";

const STANDARD_FORMAT = "@GMT-%Y.%m.%d-%H.%M.%S";

/** Null if the share has no previous versions. */
export function readSnapshotRules(values: SectionValues): SnapshotRules | null {
  const wanted = values.choice("previous versions");
  if (wanted === "no") return null;
  const kind = hasModule(values, "shadow_copy2") ? "folder" : "snapper";
  const format = readFormat(values);
  return Object.freeze({
    kind,
    forAll: wanted === "yes",
    folder: values.text("shadow:snapdir"),
    base: values.text("shadow:basedir").replace(/(?<=.)\/+$/, ""),
    mountPoint: values.text("shadow:mountpoint").replace(/(?<=.)\/+$/, ""),
    format,
    prefix: readPrefix(values),
    delimiter: values.text("shadow:delimiter"),
    isLocalTime: values.boolean("shadow:localtime"),
    isAscending: values.text("shadow:sort").toLowerCase() === "asc",
  });
}

function readFormat(values: SectionValues): string {
  const format = values.text("shadow:format");
  const unknown = /%(?![YymdHMSsFTR%])./.exec(format)?.[0];
  if (unknown === undefined) return format;
  values.warn(
    "shadow:format",
    `'${unknown}' in the name of a snapshot is unknown; ${STANDARD_FORMAT} is used`,
  );
  return STANDARD_FORMAT;
}

function readPrefix(values: SectionValues): string {
  const prefix = values.text("shadow:snapprefix");
  try {
    // A basic regular expression (regex(7)), in which groups and repetitions are escaped, unlike in
    // JavaScript.
    const expression = prefix.replace(
      /\\([(){}])|[(){}]/g,
      (whole, one: string | undefined) => one ?? `\\${whole}`,
    );
    new RegExp(expression);
    return expression;
  } catch {
    values.warn("shadow:snapprefix", `'${prefix}' is not a regular expression, it is ignored`);
    return "";
  }
}
