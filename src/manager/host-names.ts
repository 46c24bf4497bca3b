// Addresses of the host names in `hosts allow` and `hosts deny`, looked up in the background: the event loop
// never waits for a name server.
import { timers } from "../loop/timers.ts";
import { lookup } from "node:dns/promises";
import { type HostRule, namesOf, parseAddress } from "./config/hosts.ts";

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
  /** A monotonic clock. */
  readonly nowMs?: () => number;
  readonly warn: (text: string) => void;
}

export class HostNames {
  private readonly resolve: (name: string) => Promise<readonly string[]>;
  private readonly nowMs: () => number;
  private readonly warn: (text: string) => void;
  private readonly known = new Map<string, Known>();

  constructor({ resolve = resolveName, nowMs = () => performance.now(), warn }: HostNamesOptions) {
    this.resolve = resolve;
    this.nowMs = nowMs;
    this.warn = warn;
  }

  /** Looks up the names of the rules that are not fresh; undefined: there is nothing to wait for. */
  prepare(...rules: readonly (HostRule | null)[]): Promise<void> | undefined {
    const running: Promise<void>[] = [];
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

  /** Looks the names up before somebody needs them, and forgets those that no rule has any more. */
  follow(rules: readonly (HostRule | null)[]): void {
    this.keepOnly(new Set(rules.flatMap((rule) => (rule ? namesOf(rule) : []))));
    void this.prepare(...rules);
  }

  private keepOnly(names: ReadonlySet<string>): void {
    for (const name of [...this.known.keys()]) if (!names.has(name)) this.known.delete(name);
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
          "the first admits nobody by that name, the second keeps everybody out",
      );
    }
  }
}

async function resolveName(name: string): Promise<readonly string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address);
}
