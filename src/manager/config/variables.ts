// Variables of smb.conf(5) in values: `%S` and the like. Those of the server are replaced when the
// configuration is read, those of a connection when somebody connects.
import { VERSION } from "../version.ts";

/** What a variable stands for; undefined or absent: it has no value here. */
export type VariableValues = Readonly<Record<string, string | undefined>>;

/** Of the user and of the client: `%G` and `%g` are primary groups, `%H` is the user's home. */
export const PERSONAL_VARIABLES = "UuGgHIimM";

const VARIABLE = /%([a-zA-Z%])/g;

/** The values that do not depend on who connects; `share` is empty in [global]. */
export function serverVariables(
  hostName: string,
  serverName: string,
  workgroup: string,
  share = "",
): VariableValues {
  return {
    h: hostName,
    L: serverName,
    N: serverName,
    v: VERSION,
    D: workgroup,
    ...(share !== "" && { S: share }),
  };
}

/** Replaces the variables that have a value; others stay. */
export function fillKnown(text: string, values: VariableValues): string {
  if (!text.includes("%")) return text;
  return text.replace(VARIABLE, (whole, letter: string) => values[letter] ?? whole);
}

/** Replaces all variables, `%%` by a percent sign; undefined where one has no value. */
export function fillAll(text: string, values: VariableValues): string | undefined {
  if (!text.includes("%")) return text;
  let isWhole = true;
  const filled = text.replace(VARIABLE, (_whole, letter: string) => {
    const value = letter === "%" ? "%" : values[letter];
    isWhole &&= value !== undefined && value !== "";
    return value ?? "";
  });
  return isWhole ? filled : undefined;
}

/**
 * As `fillAll`, for a path: each value is one component, whatever a client calls itself. `%H`, which the
 * machine says, may be a path.
 */
export function fillPath(path: string, values: VariableValues): string | undefined {
  const isSafe = [...path.matchAll(VARIABLE)].every(([, letter = ""]) => {
    const value = letter === "%" || letter === "H" ? "x" : (values[letter] ?? "");
    return value !== "" && value !== "." && value !== ".." && !/[/\0]/.test(value);
  });
  return isSafe ? fillAll(path, values) : undefined;
}

/** The variables of a text that are neither the server's nor personal; they have no value here. */
export function unknownVariables(text: string): string[] {
  return [...text.matchAll(VARIABLE)]
    .map(([whole, letter = ""]) => (letter === "%" || PERSONAL_VARIABLES.includes(letter) ? "" : whole))
    .filter((whole) => whole !== "");
}

export function hasVariables(text: string): boolean {
  return text.includes("%");
}
