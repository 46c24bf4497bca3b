// A parameter of the configuration, and the constructors of the rows of the tables beside this file.

export type ValueType = "boolean" | "integer" | "size" | "octal" | "text" | "list" | "veto" | "choice";

/** For each value that the engine knows, its spellings; the first is the usual one. */
type Choices = Readonly<Record<string, readonly string[]>>;

export interface Parameter {
  readonly name: string;
  /** Other spellings, in the order of their priority. */
  readonly aliases?: readonly string[];
  /** Spellings of a boolean that mean its opposite; their priority is below that of the others. */
  readonly inverse?: readonly string[];
  readonly type: ValueType;
  readonly choices?: Choices;
  /** As written in a file; empty: no default, or the one that `defaultHelp` describes. */
  readonly default: string;
  readonly defaultHelp?: string;
  /** The default in a file that is read as smb.conf, where that matters to who reads what. */
  readonly sambaDefault?: string;
  readonly min?: number;
  readonly max?: number;
  /** global; share ([global] gives the default of all shares); both: has a meaning of its own in each. */
  readonly scope: "global" | "share" | "both";
  readonly reload: "live" | "restart";
  /**
   * It names files of the machine, or leads out of the shared directories: whoever sets it could become root.
   * It is changed in the file alone, not by an administrator over the network.
   */
  readonly isForRoot?: true;
  /** An invalid value refuses the configuration instead of falling back to the default. */
  readonly security?: true;
  readonly help: string;
}

/** A row whose name and type are literal types, so that `NameOf` and `ChoiceOf` are exact. */
type Row<N extends string, T extends ValueType> = Omit<Parameter, "name" | "type" | "choices"> & {
  readonly name: N;
  readonly type: T;
};

/** The fields that a row states only where they differ from the defaults. */
type More = Partial<Omit<Parameter, "name" | "type" | "choices" | "default" | "help">>;

/**
 * Row constructors for one scope. The defaults: takes effect on reload, not security-relevant.
 */
export function rowsOf(scope: "global" | "share") {
  const usual = { scope, reload: "live" } as const;
  const of =
    <T extends ValueType, D extends string = string>(type: T) =>
    <N extends string>(name: N, defaultValue: D, help: string, more: More = {}): Row<N, T> => ({
      name,
      type,
      default: defaultValue,
      help,
      ...usual,
      ...more,
    });
  return {
    flag: of<"boolean", "yes" | "no" | "">("boolean"),
    integer: of("integer"),
    size: of("size"),
    mode: of("octal"),
    text: of("text"),
    list: of("list"),
    patterns: of("veto"),
    choice: <N extends string, const C extends Choices>(
      name: N,
      choices: C,
      defaultValue: NoInfer<C[keyof C][number]>,
      help: string,
      more: More = {},
    ) => ({ ...of("choice")(name, defaultValue, help, more), choices }),
  };
}

export const KIB = 1024;
export const MIB = 1024 * 1024;

/** Spellings of a choice that is a boolean with a third value. */
export const NO = ["no", "false", "0", "off"] as const;
export const YES = ["yes", "true", "1", "on"] as const;
