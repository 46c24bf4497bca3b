// Apple's extensions of SMB and what Macs store with files; vfs_fruit(8).
import type { AppleExtensions, AppleRules } from "../../port/apple.ts";
import { AppleCapability } from "../../wire/context/apple-context.ts";
import { APPLE_CAPABILITIES } from "../../wire/features.ts";
import type { SectionValues } from "./section-values.ts";

export function readAppleRules(values: SectionValues): AppleRules {
  return Object.freeze({
    validatesAfpInfo: values.boolean("fruit:validate_afpinfo"),
    metadata: values.choice("fruit:metadata"),
    resource: values.choice("fruit:resource"),
    hidesAppleDouble: values.boolean("fruit:veto_appledouble"),
    wipesPlaceholder: values.boolean("fruit:wipe_intentionally_left_blank_rfork"),
    listsResourceSize: values.boolean("readdir_attr:aapl_rsize"),
    listsFinderInfo: values.boolean("readdir_attr:aapl_finder_info"),
    listsAccess: values.boolean("readdir_attr:aapl_max_access"),
  });
}

/** UTF-16 code units; macOS keeps 79 bytes of a model. */
const MAX_MODEL_UNITS = 64;

/** Which capabilities a parameter takes away. */
const SWITCHES = [
  ["fruit:readdir_attr", AppleCapability.READ_DIR_ATTR | AppleCapability.READ_DIR_ATTR_V2],
  ["fruit:copyfile", AppleCapability.OSX_COPYFILE],
  ["fruit:nfs_aces", AppleCapability.NFS_ACE],
] as const;

/** Of [global]. */
export function readAppleExtensions(globals: SectionValues): AppleExtensions | null {
  if (!globals.boolean("fruit:aapl")) return null;
  const off = SWITCHES.filter(([name]) => !globals.boolean(name)).reduce((bits, [, bit]) => bits | bit, 0);
  return Object.freeze({
    model: readAppleModel(globals),
    movesOpenFiles: globals.boolean("fruit:posix_rename"),
    hidesFileIds: globals.boolean("fruit:zero_file_id"),
    capabilities: APPLE_CAPABILITIES & ~off,
  });
}

export function readAppleModel(globals: SectionValues): string {
  return globals.text("aapl model").slice(0, MAX_MODEL_UNITS);
}
