// The server's log: levels, and lines of plain text.
import type { EngineSettings } from "../../port/port.ts";
import { lineOfError, printable } from "../../wire/printable.ts";

export type LogLevel = EngineSettings["logLevel"];

export interface Log {
  error(text: string): void;
  warn(text: string): void;
  info(text: string): void;
  debug(text: string): void;
}

/** Takes a line without its end. */
export type LogSink = (level: LogLevel, text: string) => void;

export const LEVELS: readonly LogLevel[] = ["error", "warn", "info", "debug"];

/** `level` is called for every line, because a reload may change it. */
export function createLog(level: () => LogLevel, write: LogSink = print): Log {
  const at = (own: LogLevel) => (text: string) => {
    if (LEVELS.indexOf(own) <= LEVELS.indexOf(level())) write(own, printable(text));
  };
  return { error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug") };
}

/** A line on standard output; errors and warnings on standard error. */
export function print(level: LogLevel, text: string): void {
  const isError = level === "error" || level === "warn";
  (isError ? process.stderr : process.stdout).write(`minismbd: ${level}: ${text}\n`);
}

/** Writes an error that nobody has caught, at every level. */
export function reportBug(error: unknown, write: LogSink = print): void {
  write("error", `internal error, please report it: ${lineOfError(error)}`);
}
