// Options for access rights and their inheritance; smb.conf(5), vfs_acl_xattr(8).
import type { SecurityRules } from "../../port/port.ts";
import { hasModule } from "./name-rules.ts";
import type { SectionValues } from "./section-values.ts";

export function readSecurityRules(values: SectionValues): SecurityRules {
  // An explicit `acl` overrides a module in a file copied from Samba.
  const acl =
    values.entry("acl") === undefined && hasModule(values, "acl_xattr") ? "nt" : values.choice("acl");
  // Read in any case: an invalid value refuses the configuration.
  const ignores = values.boolean("acl_xattr:ignore system acls");
  return Object.freeze({
    acl,
    ignoreSystemAcls: acl === "nt" && ignores,
    canChange: values.boolean("nt acl support"),
    writersMayChange: values.boolean("dos filemode"),
    inheritOwnerName: values.choice("inherit owner") === "both",
    inheritPermissions: values.boolean("inherit permissions"),
    inheritAcls: values.boolean("inherit acls"),
  });
}
