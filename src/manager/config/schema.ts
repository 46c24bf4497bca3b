// Every parameter of the configuration in one table: the parser, testparm, the man page and the README read
// it. Names and defaults are those of ksmbd.conf(5), with smb.conf(5)'s spellings as aliases; the limits are
// minismbd's.
import { IGNORED } from "./schema/ignored.ts";
import { LIMITS } from "./schema/limits.ts";
import type { Parameter, ValueType } from "./schema/parameter.ts";
import { PROTOCOL } from "./schema/protocol.ts";
import { SERVER } from "./schema/server.ts";
import { APPLE } from "./schema/apple.ts";
import { SHARE } from "./schema/share.ts";

/** In the order of the man page. */
export const PARAMETERS = [...SERVER, ...PROTOCOL, ...LIMITS, ...IGNORED, ...SHARE, ...APPLE] as const;

export type KnownParameter = (typeof PARAMETERS)[number];
/** Names of the parameters of one type. */
export type NameOf<T extends ValueType> = Extract<KnownParameter, { readonly type: T }>["name"];
/** Values of the choice of that name. */
export type ChoiceOf<N extends NameOf<"choice">> = keyof Extract<
  KnownParameter,
  { readonly name: N; readonly choices: unknown }
>["choices"];

const spellings = new Map<Parameter, readonly string[]>();
const bySpelling = new Map<string, Parameter>();
for (const parameter of PARAMETERS as readonly Parameter[]) {
  const own = [parameter.name, ...(parameter.aliases ?? []), ...(parameter.inverse ?? [])];
  spellings.set(parameter, own);
  for (const spelling of own) bySpelling.set(spelling, parameter);
}

/** All spellings, in the order of their priority. */
export function spellingsOf(parameter: Parameter): readonly string[] {
  return spellings.get(parameter) ?? [parameter.name];
}

/** Finds a parameter by any spelling of its folded key; blanks within the key do not matter. */
export function findParameter(key: string): Parameter | undefined {
  return bySpelling.get(key) ?? byJoined(key);
}

function byJoined(key: string): Parameter | undefined {
  const joined = key.replaceAll(" ", "");
  for (const [spelling, parameter] of bySpelling)
    if (spelling.replaceAll(" ", "") === joined) return parameter;
  return undefined;
}

export function knownSpellings(): Iterable<string> {
  return bySpelling.keys();
}
