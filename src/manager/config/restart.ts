// The parameters of [global] that a running server cannot change.
import type { EngineSettings } from "../../port/port.ts";

const FIXED: readonly (readonly [keyof EngineSettings, string])[] = [
  ["ports", "tcp port"],
  ["cryptoProvider", "crypto provider"],
  ["bufferBudgetBytes", "buffer budget"],
];

/**
 * Names what differs from the settings of the start and so has no effect; undefined where all is in effect.
 */
export function restartNeeded(started: EngineSettings, now: EngineSettings): string | undefined {
  const different = FIXED.filter(([key]) => !Bun.deepEquals(started[key], now[key]));
  const changed = different.map(([, name]) => `'${name}'`);
  if (changed.length === 0) return undefined;
  const verb = changed.length === 1 ? "has" : "have";
  return `${changed.join(" and ")} ${verb} changed since the start: restart the server for that`;
}
