// Options for names and for hiding files; smb.conf(5) (mangled names, preserve case, hide files),
// vfs_catia(8).
import type { HidingRules, NameRules } from "../../port/port.ts";
import type { SectionValues } from "./section-values.ts";

/** Samba modules whose function is built in: no warning. */
const BUILT_IN: ReadonlySet<string> = new Set([
  "recycle",
  "catia",
  "streams_xattr",
  "acl_xattr",
  "fruit",
  "shadow_copy2",
  "snapper",
]);

/** True if `vfs objects` lists the module. */
export function hasModule(values: SectionValues, module: string): boolean {
  // A module's name may have a suffix such as `:parameters`.
  return values.list("vfs objects").some((word) => word.toLowerCase().split(":")[0] === module);
}

export function warnOfModules(values: SectionValues): void {
  const unknown = values
    .list("vfs objects")
    .map((word) => word.split(":")[0] ?? "")
    .filter((module) => !BUILT_IN.has(module.toLowerCase()));
  if (unknown.length > 0) {
    values.warn("vfs objects", `'vfs objects' has ${unknown.join(", ")}, which is unknown and ignored`);
  }
}

export function readNameRules(values: SectionValues): NameRules {
  warnOfModules(values);
  const newCase = values.choice("default case");
  return Object.freeze({
    characterMap: Object.freeze(hasModule(values, "catia") ? readCharacterMap(values) : []),
    reserved: values.choice("fruit:encoding"),
    shortNames: values.choice("mangled names"),
    shortNamePrefix: values.number("mangle prefix") ?? 1,
    newCase: values.boolean("preserve case") ? "keep" : newCase,
    newShortCase: values.boolean("short preserve case") ? "keep" : newCase,
  });
}

export function readHidingRules(values: SectionValues): HidingRules {
  return Object.freeze({
    files: Object.freeze(values.patterns("hide files")),
    unreadable: values.boolean("hide unreadable"),
    unwriteable: values.boolean("hide unwriteable files"),
    special: values.boolean("hide special files"),
    deleteVetoed: values.boolean("delete veto files"),
  });
}

// NUL, slash, surrogates and characters outside the BMP cannot be mapped.
const unfit = (unit: number): boolean =>
  unit === 0 || unit === 0x2f || unit > 0xffff || (unit >= 0xd800 && unit < 0xe000);

/** Parses `0x22:0xa8,0x2a:0xa4`; ignores invalid pairs with a warning. */
function readCharacterMap(values: SectionValues): [disk: number, client: number][] {
  const map: [number, number][] = [];
  const seen = new Set<string>();
  for (const word of values.text("catia:mappings").split(/[\s,]+/)) {
    if (word === "") continue;
    const [, disk, client] = /^(0x[\da-f]{1,6}|\d{1,6}):(0x[\da-f]{1,6}|\d{1,6})$/i.exec(word) ?? [];
    const pair: [number, number] = [Number(disk), Number(client)];
    const isTaken = seen.has(`d${pair[0]}`) || seen.has(`c${pair[1]}`);
    if (disk === undefined || isTaken || pair.some(unfit) || pair[1] === 0x5c || pair[1] === 0x2e) {
      values.warn(
        "catia:mappings",
        `'${word}' is not a pair of characters that are each mapped once, it is ignored`,
      );
      continue;
    }
    seen.add(`d${pair[0]}`).add(`c${pair[1]}`);
    map.push(pair);
  }
  return map;
}
