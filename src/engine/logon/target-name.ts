// The name by which an NTLM client has called the server, MsvAvTargetName ([MS-NLMP] 2.2.2.1): a log-on that
// was made for another server is relayed by somebody between. Windows' policy "Server SPN target name
// validation level"; neither Samba nor ksmbd has one.
import { AvId, type AvPair, avFlags, AV_FLAG_UNTRUSTED_TARGET, findAv } from "../../wire/auth/ntlmssp.ts";
import { decodeUtf16 } from "../../wire/cursor.ts";

export interface TargetNameRule {
  /** `provided`: a name that the client sends must be the server's; `required`: the client must send one. */
  readonly level: "off" | "provided" | "required";
  /** Whether the server has this name or address, which is in lower case. */
  isOwn(host: string): boolean;
}

/** Services of a file server; a bind of RPC has names of its own, such as `RPCSS`. */
const FILE_SERVICES: readonly string[] = ["cifs", "host"];

/**
 * Why the log-on is not for this server, for the log; undefined where it is. `pairs` are those that the
 * client's proof of the password covers, so nobody on the way could change them.
 */
export function whyForeign(
  pairs: readonly AvPair[],
  { level, isOwn }: TargetNameRule,
  forRpc: boolean,
): string | undefined {
  if (level === "off") return undefined;
  const name = decodeUtf16(findAv(pairs, AvId.TARGET_NAME) ?? new Uint8Array(0));
  const isTrusted = name !== "" && (avFlags(pairs) & AV_FLAG_UNTRUSTED_TARGET) === 0;
  if (level === "required" && !isTrusted)
    return "the client does not say which server it means, and 'server spn validation' is required";
  if (name === "") return undefined;
  const [service = "", host = ""] = name.toLowerCase().split("/");
  const isService = forRpc || FILE_SERVICES.includes(service);
  if (isService && isOwn(hostOf(host))) return undefined;
  return `the log-on is for '${name}', which is not a name of this server; if it is, add it to 'server spn names'`;
}

/** The host of an SPN without port and final dot; an IPv6 address also in the form of Windows' UNC paths. */
function hostOf(text: string): string {
  const [, bracketed] = /^\[(.*)\](?::\d+)?$/.exec(text) ?? [];
  if (bracketed !== undefined) return bracketed;
  const [, literal] = /^(.*)\.ipv6-literal\.net$/.exec(text) ?? [];
  if (literal !== undefined) return literal.replaceAll("-", ":").replace("s", "%");
  const isPlainIpv6 = text.split(":").length > 2;
  return (isPlainIpv6 ? text : text.replace(/:\d+$/, "")).replace(/\.$/, "");
}
