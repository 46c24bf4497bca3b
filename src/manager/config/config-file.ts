// Changes a configuration file, after the new text was read as the server will read it.
import { followLink } from "../paths.ts";
import { replaceFile } from "../replace-file.ts";
import { readIfThere } from "./include.ts";
import { dialectOf, type Dialect } from "./lines.ts";
import { type Configuration, loadConfiguration } from "./load.ts";
import { ConfigError } from "./parse.ts";

/** As ksmbd-tools writes it. */
const FILE_MODE = 0o640;

export interface UpdateOptions {
  /** Default: by the file's name. */
  readonly dialect?: Dialect;
  /** Throws where the new configuration is not what was wanted. */
  readonly accept?: (configuration: Configuration) => void;
}

/**
 * Writes `change(text)` in the place of the text, empty for a missing file, and returns the configuration
 * that it makes. Throws ConfigError where the server would refuse that, or it cannot be written, and what
 * `change` and `accept` throw; the file is then unchanged. Of two changes at once the second one fails.
 */
export function updateConfigFile(
  file: string,
  change: (text: string, dialect: Dialect) => string,
  { dialect = dialectOf(file), accept }: UpdateOptions = {},
): Configuration {
  // OpenWrt's /etc/ksmbd/ksmbd.conf is a link.
  const target = followLink(file);
  const replacement = {
    file: target,
    name: "it",
    mode: (old: number | undefined) => old ?? FILE_MODE,
    waits: 0,
  };
  return replaceFile(replacement, (put, temporary) => {
    put(change(readIfThere(target) ?? "", dialect));
    const configuration = read(temporary, target, dialect);
    accept?.(configuration);
    return configuration;
  });
}

/** Messages name the file whose place the temporary one takes. */
function read(temporary: string, target: string, dialect: Dialect): Configuration {
  try {
    const configuration = loadConfiguration({ file: temporary, dialect });
    const warnings = configuration.warnings.map((line) => line.replaceAll(temporary, target));
    return { ...configuration, warnings };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(error.position.replace(temporary, target), `${error.text}; nothing was changed`);
  }
}
