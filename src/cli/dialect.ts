// The option that forces the dialect of the configuration.
import { type Dialect, DIALECTS } from "../manager/config/lines.ts";
import { type Arguments, CliError, type Option } from "./arguments.ts";

export const DIALECT_OPTION: Option = {
  long: "dialect",
  value: "DIALECT",
  help: "read the configuration by the rules of ksmbd.conf (`ksmbd`) or smb.conf (`samba`), whatever its name is",
};

/** Throws CliError for another word than the dialects' names. */
export function readDialect(args: Arguments): Dialect | undefined {
  const word = args.value("dialect")?.toLowerCase();
  if (word === undefined) return undefined;
  const dialect = DIALECTS.find((name) => name === word);
  if (!dialect) throw new CliError(`'${word}' is not a dialect, write ${DIALECTS.join(" or ")}`);
  return dialect;
}
