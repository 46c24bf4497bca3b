// What the words of `hosts allow` and `hosts deny` mean on this machine: the interfaces that there are, and
// the addresses of host names, looked up in the background: the event loop never waits for a name server.
import { timers } from "../loop/timers.ts";
import { lookup } from "node:dns/promises";
import { hasInterface } from "../linux/arrival.ts";
import { type HostRule, interfacesOf, namesOf, parseAddress } from "./config/hosts.ts";

/** A tree connect asks again for what is older. */
const FRESH_MS = 60_000;
/** After a failure; clients must not make the server ask without end. */
const RETRY_MS = 10_000;
/** While a name server is away, the last addresses count for this long. */
const KEEP_MS = 600_000;
/** How long a tree connect waits. */
const WAIT_MS = 5000;

interface Known {
  addresses: readonly Uint8Array[] | undefined;
  askedMs: number;
  /** Since when every look-up has failed. */
  failedMs: number | undefined;
  running: Promise<void> | undefined;
}

export interface HostNamesOptions {
  /** The addresses of a name. Rejects where there are none. */
  readonly resolve?: (name: string) => Promise<readonly string[]>;
  readonly interfaceExists?: (name: string) => boolean;
  /** A monotonic clock. */
  readonly nowMs?: () => number;
  readonly warn: (text: string) => void;
}

export class HostNames {
  private readonly resolve: (name: string) => Promise<readonly string[]>;
  private readonly nowMs: () => number;
  private readonly warn: (text: string) => void;
  private readonly interfaceExists: (name: string) => boolean;
  private readonly known = new Map<string, Known>();
  /** Interfaces that were there once: nothing comes in over one that is gone, which must not keep all out. */
  private readonly seen = new Set<string>();
  private readonly reported = new Set<string>();

  constructor(options: HostNamesOptions) {
    const { interfaceExists = hasInterface, nowMs = () => performance.now(), warn } = options;
    this.interfaceExists = interfaceExists;
    this.resolve = options.resolve ?? resolveName;
    this.nowMs = nowMs;
    this.warn = warn;
  }

  /** Looks up the names of the rules that are not fresh; undefined: there is nothing to wait for. */
  prepare(...rules: readonly (HostRule | null)[]): Promise<void> | undefined {
    const running: Promise<void>[] = [];
    for (const name of allInterfacesOf(rules)) this.reportMissing(name);
    for (const rule of rules)
      for (const name of rule ? namesOf(rule) : []) {
        const asked = this.ask(name);
        if (asked) running.push(asked);
      }
    if (running.length === 0) return undefined;
    const late = timers.sleep(WAIT_MS);
    return Promise.race([Promise.all(running).then(() => {}), late]);
  }

  /** Undefined: the name has no address that is known. */
  addressesOf(name: string): readonly Uint8Array[] | undefined {
    const known = this.known.get(name);
    if (!known) return undefined;
    const isLost = known.failedMs !== undefined && this.nowMs() - known.failedMs > KEEP_MS;
    return isLost ? undefined : known.addresses;
  }

  hasInterface(name: string): boolean {
    if (this.seen.has(name)) return true;
    if (!this.interfaceExists(name)) return false;
    this.seen.add(name);
    return true;
  }

  /** Looks the names up before somebody needs them, and forgets those that no rule has any more. */
  follow(rules: readonly (HostRule | null)[]): void {
    this.keepOnly(new Set(rules.flatMap((rule) => (rule ? namesOf(rule) : []))));
    const interfaces = new Set(allInterfacesOf(rules));
    for (const set of [this.seen, this.reported])
      for (const name of set) if (!interfaces.has(name)) set.delete(name);
    void this.prepare(...rules);
  }

  private keepOnly(names: ReadonlySet<string>): void {
    for (const name of [...this.known.keys()]) if (!names.has(name)) this.known.delete(name);
  }

  private reportMissing(name: string): void {
    if (this.hasInterface(name) || this.reported.has(name)) return;
    this.reported.add(name);
    this.warn(
      `'interface:${name}' in 'hosts allow' or 'hosts deny': this machine has no interface ${name}: ` +
        "until it is there, the first admits nobody by it, the second keeps everybody out",
    );
  }

  private ask(name: string): Promise<void> | undefined {
    const known = this.known.get(name) ?? {
      addresses: undefined,
      askedMs: Number.NEGATIVE_INFINITY,
      failedMs: undefined,
      running: undefined,
    };
    this.known.set(name, known);
    if (known.running) return known.running;
    const age = this.nowMs() - known.askedMs;
    if (age < (known.failedMs === undefined ? FRESH_MS : RETRY_MS)) return undefined;
    known.askedMs = this.nowMs();
    known.running = this.resolve(name)
      .then(
        (found) => this.take(name, known, found),
        () => this.take(name, known, []),
      )
      .finally(() => {
        known.running = undefined;
      });
    return known.running;
  }

  private take(name: string, known: Known, found: readonly string[]): void {
    const addresses = found.map(parseAddress).filter((address) => address !== undefined);
    if (addresses.length > 0) {
      known.addresses = addresses;
      known.failedMs = undefined;
    } else if (known.failedMs === undefined) {
      known.failedMs = this.nowMs();
      this.warn(
        `'${name}' in 'hosts allow' or 'hosts deny' has no address: ` +
          "the first admits nobody by that name, the second keeps everybody out" +
          (this.interfaceExists(name) ? `; for the interface write interface:${name}` : ""),
      );
    }
  }
}

function allInterfacesOf(rules: readonly (HostRule | null)[]): string[] {
  return rules.flatMap((rule) => (rule ? interfacesOf(rule) : []));
}

async function resolveName(name: string): Promise<readonly string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address);
}
