// The server's log: one line an event on standard output, errors and warnings on standard error.
import type { EngineSettings } from "../port/port.ts";
import { lineOfError, printable } from "../wire/printable.ts";

export type LogLevel = EngineSettings["logLevel"];

export interface Log {
  error(text: string): void;
  warn(text: string): void;
  info(text: string): void;
  debug(text: string): void;
}

const LEVELS: readonly LogLevel[] = ["error", "warn", "info", "debug"];

/** `level` is called for every line, because a reload may change it. */
export function createLog(
  level: () => LogLevel,
  write: (line: string, isError: boolean) => void = print,
): Log {
  const at = (own: LogLevel) => (text: string) => {
    if (LEVELS.indexOf(own) <= LEVELS.indexOf(level()))
      write(`minismbd: ${own}: ${printable(text)}\n`, own === "error" || own === "warn");
  };
  return { error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug") };
}

/** Writes an error that nobody has caught, at every level. */
export function reportBug(error: unknown): void {
  print(`minismbd: error: internal error, please report it: ${lineOfError(error)}\n`, true);
}

function print(line: string, isError: boolean): void {
  (isError ? process.stderr : process.stdout).write(line);
}
