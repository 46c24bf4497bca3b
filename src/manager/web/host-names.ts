// The names by which the web page may be asked for. A page of somebody else's whose name was made to resolve
// to this server (DNS rebinding) shows that name in its Host header, and is refused.
import type { EngineSettings } from "../../port/port.ts";

/** In lower case, without addresses. */
export function ownNames(
  { serverName, spnNames }: Pick<EngineSettings, "serverName" | "spnNames">,
  hostName: string,
): readonly string[] {
  const names = [serverName, hostName, ...spnNames].map((name) => name.toLowerCase().replace(/\.$/, ""));
  const short = names.map((name) => name.split(".")[0] ?? "");
  const local = short.map((name) => `${name}.local`);
  const all = [...names, ...short, ...local, "localhost"];
  return [...new Set(all.filter((name) => /^[a-z0-9_.-]+$/.test(name) && !name.startsWith(".")))];
}
