// The Kerberos service of the configuration: reads its key table again whenever the file has changed, and
// answers the engine's tickets. Loaded with the first ticket.
import { readFileSync, statSync } from "node:fs";
import type { TicketAnswer } from "../../port/ticket.ts";
import { decodeKeytab, type KeytabEntry, MAX_KEYTAB_BYTES } from "./keytab.ts";
import type { KerberosRules } from "../config/kerberos-rules.ts";
import { type Clock, TicketAcceptor } from "./ticket-acceptor.ts";

export class KerberosService {
  private readonly acceptor: TicketAcceptor;
  private stamp = "";
  private entries: readonly KeytabEntry[] = [];

  /** `ownDomain`: the SID of this machine's own users. */
  constructor(
    ownDomain: () => string,
    clock: Clock = { wallTime: () => Date.now(), now: () => performance.now() },
  ) {
    this.acceptor = new TicketAcceptor(clock, ownDomain);
  }

  /** `token`: an AP-REQ, in GSS-API's frame but for RPC. */
  accept(token: Uint8Array, rules: KerberosRules, forRpc: boolean): TicketAnswer {
    const keys = this.read(rules.keytabFile);
    if (typeof keys === "string") return { kind: "refused", reason: keys, user: "" };
    return this.acceptor.accept(token, keys, rules, forRpc);
  }

  /** The entries, or what is wrong with the file. */
  private read(path: string): readonly KeytabEntry[] | string {
    try {
      const { dev, ino, size, mtimeNs } = statSync(path, { bigint: true });
      const stamp = `${path} ${dev}.${ino}.${size}.${mtimeNs}`;
      if (stamp === this.stamp) return this.entries;
      if (size > MAX_KEYTAB_BYTES) return `key table ${path} is larger than ${MAX_KEYTAB_BYTES} bytes`;
      this.entries = decodeKeytab(readFileSync(path));
      this.stamp = stamp;
      return this.entries;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return code === undefined
        ? `key table ${path} ${message}`
        : `key table ${path} cannot be read: ${code}`;
    }
  }
}
