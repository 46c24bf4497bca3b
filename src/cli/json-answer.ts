// Verbs in JSON, for rpcd and scripts: one object of arguments from standard input, one object as the answer.
// Secrets stay off the command line, where every user of the machine can read them.
import { readFileSync } from "node:fs";
import { CliError, type Option } from "./arguments.ts";

/** The longest object of arguments, in characters. */
const MAX_INPUT = 16_384;

export const JSON_OPTION: Option = {
  long: "json",
  help:
    'take the name and the password from standard input, {"user":NAME,"password":PWD}, and print the answer ' +
    'as JSON: {"items":[]} or {"error":TEXT}',
};

export type JsonObject = Readonly<Record<string, unknown>>;

/** Reads standard input to its end. Throws CliError for what is no object. */
export function readJsonInput(): JsonObject {
  let text: string;
  try {
    text = readFileSync(0, "utf8");
  } catch (error) {
    throw new CliError(`standard input cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  if (text.length > MAX_INPUT) throw new CliError("standard input has more than 16 KiB");
  return parseJsonObject(text, "standard input");
}

/** An empty text is an empty object. `place` names the text in the message. Throws CliError. */
export function parseJsonObject(text: string, place: string): JsonObject {
  if (text.trim() === "") return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  } catch {
    // Reported below.
  }
  throw new CliError(`${place}: this is no object of JSON`);
}

/** Throws CliError where the field is absent, empty or no text. */
export function jsonText(input: JsonObject, field: string): string {
  const value = input[field];
  if (typeof value !== "string" || value === "") throw new CliError(`standard input has no text '${field}'`);
  return value;
}

/** Prints `{"items":[…]}` and returns 0, or `{"error":TEXT}` and 1 where `run` throws. */
export async function answerInJson(run: () => Promise<readonly unknown[]>): Promise<number> {
  let answer: object;
  try {
    answer = { items: await run() };
  } catch (error) {
    answer = { error: error instanceof Error ? error.message : String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
  return "error" in answer ? 1 : 0;
}
