// Apple's extensions of SMB and what Macs store with files; vfs_fruit(8).
import type { AppleExtensions, AppleRules } from "../../port/apple.ts";
import type { SectionValues } from "./section-values.ts";

export function readAppleRules(values: SectionValues): AppleRules {
  return Object.freeze({
    validatesAfpInfo: values.boolean("fruit:validate_afpinfo"),
    metadata: values.choice("fruit:metadata"),
    resource: values.choice("fruit:resource"),
    hidesAppleDouble: values.boolean("fruit:veto_appledouble"),
    wipesPlaceholder: values.boolean("fruit:wipe_intentionally_left_blank_rfork"),
  });
}

/** UTF-16 code units; macOS keeps 79 bytes of a model. */
const MAX_MODEL_UNITS = 64;

/** Of [global]. */
export function readAppleExtensions(globals: SectionValues): AppleExtensions | null {
  if (!globals.boolean("fruit:aapl")) return null;
  return Object.freeze({ model: readAppleModel(globals) });
}

export function readAppleModel(globals: SectionValues): string {
  return globals.text("aapl model").slice(0, MAX_MODEL_UNITS);
}
