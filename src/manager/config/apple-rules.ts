// What Macs store with files; vfs_fruit(8).
import type { AppleRules } from "../../port/apple.ts";
import type { SectionValues } from "./section-values.ts";

export function readAppleRules(values: SectionValues): AppleRules {
  return Object.freeze({ validatesAfpInfo: values.boolean("fruit:validate_afpinfo") });
}
