// `log level`: one level for all lines, and the components whose debug lines are written; what an
// administrator sets while the server runs counts before the configuration.
import type { DebugComponent, EngineSettings } from "../../port/port.ts";
import { LEVELS, type LogLevel } from "./log.ts";

/** ksmbd's, in the order in which ksmbd.control prints them. There is no RDMA, so `rdma` has no lines. */
export const COMPONENTS: readonly DebugComponent[] = ["smb", "auth", "vfs", "oplock", "ipc", "conn", "rdma"];

export type Levels = Pick<EngineSettings, "logLevel" | "debugComponents">;

/** Samba's classes that mean one of the components. */
const CLASSES: Readonly<Record<string, DebugComponent>> = {
  smb2: "smb",
  auth_audit: "auth",
  passdb: "auth",
  locking: "oplock",
  rpc_srv: "ipc",
  rpc_parse: "ipc",
};

/** The first of Samba's numbers that has debug lines. */
const DEBUG_NUMBER = 3;

/**
 * Reads `LEVEL` or `LEVEL CLASS:LEVEL…`, where a level is a name or Samba's number. `unknown` is the first
 * word that is neither. Samba has more classes than there are components: those are passed over.
 */
export function readLevels(text: string): Levels & { readonly unknown: string | undefined } {
  const [first = "", ...rest] = text.toLowerCase().split(/[\s,]+/);
  const words = first.includes(":") ? [first, ...rest] : rest;
  const logLevel = first.includes(":") ? "info" : levelOf(first);
  let unknown = logLevel === undefined ? first : undefined;
  const components = new Set(componentsAt(logLevel ?? "info"));
  for (const word of words) {
    const [name = "", written = "", more] = word.split(":");
    const level = levelOf(written);
    if (level === undefined || more !== undefined) unknown ??= word;
    else
      for (const component of componentsNamed(name))
        if (level === "debug") components.add(component);
        else components.delete(component);
  }
  return { logLevel: logLevel ?? "info", debugComponents: inOrder(components), unknown };
}

/** `debug` has no line for each request: `smb` must be named. */
export function componentsAt(level: LogLevel): readonly DebugComponent[] {
  return level === "debug" ? COMPONENTS.filter((component) => component !== "smb") : [];
}

function levelOf(word: string): LogLevel | undefined {
  if (/^\d+$/.test(word)) return LEVELS[Math.min(Number(word), DEBUG_NUMBER)];
  return LEVELS.find((level) => word === level || (level === "warn" && word === "warning"));
}

function componentsNamed(name: string): readonly DebugComponent[] {
  if (name === "all") return COMPONENTS;
  const found = COMPONENTS.find((component) => component === name) ?? CLASSES[name];
  return found === undefined ? [] : [found];
}

function inOrder(components: ReadonlySet<DebugComponent>): readonly DebugComponent[] {
  return COMPONENTS.filter((component) => components.has(component));
}

/** What an administrator has set. */
export class LevelOverride {
  private level: LogLevel | undefined;
  /** As ksmbd's, they stay over a reload. */
  private components: readonly DebugComponent[] | undefined;

  set(level: LogLevel): void {
    this.level = level;
    this.components = undefined;
  }

  /**
   * Switches the debug lines of a component, or of `all`. False for another name, which changes nothing, as
   * with ksmbd.
   */
  toggle(configured: Levels, name: string): boolean {
    const { debugComponents } = this.over(configured);
    if (name === "all") this.components = debugComponents.length === COMPONENTS.length ? [] : COMPONENTS;
    const found = COMPONENTS.find((component) => component === name);
    if (found === undefined) return name === "all";
    const next = new Set(debugComponents);
    if (!next.delete(found)) next.add(found);
    this.components = inOrder(next);
    return true;
  }

  /** A reload: the configuration's level counts again. */
  reset(): void {
    this.level = undefined;
  }

  over<T extends Levels>(configured: T): T {
    const { level, components } = this;
    if (level === undefined && components === undefined) return configured;
    const debugComponents =
      components ?? (level === undefined ? configured.debugComponents : componentsAt(level));
    return { ...configured, logLevel: level ?? configured.logLevel, debugComponents };
  }
}
