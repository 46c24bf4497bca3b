// `host msdfs`, `msdfs root`, `msdfs proxy`: shares that lead to shares of other servers; smb.conf(5).
import type { DfsRules } from "../../port/port.ts";
import type { SectionValues } from "./section-values.ts";

const TARGET = /^\s*[\\/]*[^\\/]+[\\/]+[^\\/]+/;

export function readDfsRules(values: SectionValues, globals: SectionValues): DfsRules {
  const isOn = globals.boolean("host msdfs");
  const isRoot = values.boolean("msdfs root");
  const proxied = values.text("msdfs proxy");
  const shuffles = values.boolean("msdfs shuffle referrals");
  const isProxy = proxied.split(",").some((target) => TARGET.test(target));
  if (proxied !== "" && !isProxy)
    values.warn(
      "msdfs proxy",
      `'msdfs proxy' has no share in it and is not used: write 'msdfs proxy = \\SERVER\\SHARE'`,
    );
  const used = isProxy ? "msdfs proxy" : isRoot ? "msdfs root" : undefined;
  if (used !== undefined && !isOn) values.warn(used, `'${used}' has no effect with 'host msdfs = no'`);
  return Object.freeze({ isRoot: isOn && isRoot, proxied: isOn && isProxy ? proxied : "", shuffles });
}

/** True if the share needs DFS clients: they ask the server where it leads. */
export function isDfsShare({ dfs }: { readonly dfs: DfsRules }): boolean {
  return dfs.isRoot || dfs.proxied !== "";
}
