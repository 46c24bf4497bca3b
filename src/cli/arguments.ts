// Parses command lines as getopt_long(3) does: short options, long options and their unique prefixes.

/** The message is one line for the user; the process exits with status 1. */
export class CliError extends Error {
  override readonly name = "CliError";
}

export interface Option {
  /** Long name without dashes. */
  readonly long: string;
  /** One letter. */
  readonly short?: string;
  /**
   * The value's name in the help. With a leading `?` the value is optional and must be attached to the
   * option.
   */
  readonly value?: string;
  readonly help: string;
}

export interface Arguments {
  has(long: string): boolean;
  /** The last value of the option. */
  value(long: string): string | undefined;
  values(long: string): readonly string[];
  readonly operands: readonly string[];
}

/** Throws CliError for an unknown or ambiguous option, or one without its value. */
export function parseArguments(words: readonly string[], options: readonly Option[]): Arguments {
  const given = new Map<string, string[]>();
  const operands: string[] = [];
  const put = (option: Option, value: string) =>
    given.set(option.long, [...(given.get(option.long) ?? []), value]);
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? "";
    const next = (): string | undefined => words[++i];
    if (word === "--") {
      operands.push(...words.slice(i + 1));
      break;
    }
    if (word.startsWith("--")) takeLong(word, options, put, next);
    else if (word.startsWith("-") && word.length > 1) takeShort(word, options, put, next);
    else operands.push(word);
  }
  return {
    has: (long) => given.has(long),
    value: (long) => given.get(long)?.at(-1),
    values: (long) => given.get(long) ?? [],
    operands,
  };
}

/** Help text: one line an option. */
export function describeOptions(options: readonly Option[]): string {
  const heads = options.map(({ short, long, value }) => {
    const shown = value === undefined ? "" : value.startsWith("?") ? `[=${value.slice(1)}]` : ` ${value}`;
    return `  ${short === undefined ? "    " : `-${short}, `}--${long}${shown}`;
  });
  const width = Math.max(...heads.map((head) => head.length)) + 2;
  return options.map((option, i) => `${(heads[i] ?? "").padEnd(width)}${option.help}\n`).join("");
}

type Put = (option: Option, value: string) => void;

function takeLong(word: string, options: readonly Option[], put: Put, next: () => string | undefined): void {
  const at = word.indexOf("=");
  const name = word.slice(2, at < 0 ? undefined : at);
  const value = at < 0 ? undefined : word.slice(at + 1);
  const option = findLong(name, options);
  if (option.value === undefined && value !== undefined)
    throw new CliError(`--${option.long} takes no value`);
  if (option.value === undefined || option.value.startsWith("?")) put(option, value ?? "");
  else put(option, value ?? required(next(), `--${option.long}`, option));
}

function findLong(name: string, options: readonly Option[]): Option {
  const exact = options.find(({ long }) => long === name);
  if (exact) return exact;
  const near = name === "" ? [] : options.filter(({ long }) => long.startsWith(name));
  if (near.length > 1) {
    throw new CliError(`--${name} may be ${near.map(({ long }) => `--${long}`).join(" or ")}, write it out`);
  }
  if (!near[0]) throw new CliError(`unknown option --${name}, see --help`);
  return near[0];
}

function takeShort(word: string, options: readonly Option[], put: Put, next: () => string | undefined): void {
  for (let i = 1; i < word.length; i++) {
    const letter = word.charAt(i);
    const option = options.find(({ short }) => short === letter);
    if (!option) throw new CliError(`unknown option -${letter}, see --help`);
    if (option.value === undefined) {
      put(option, "");
      continue;
    }
    const rest = word.slice(i + 1).replace(/^=/, "");
    if (option.value.startsWith("?")) put(option, rest);
    else put(option, rest === "" ? required(next(), `-${letter}`, option) : rest);
    return;
  }
}

function required(value: string | undefined, shown: string, option: Option): string {
  if (value === undefined) throw new CliError(`${shown} needs ${option.value ?? "a value"}`);
  return value;
}
