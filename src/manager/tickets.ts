// Kerberos' tickets; kerberos/ is loaded with the first.
import type { MaybePromise } from "../port/port.ts";
import type { TicketAnswer } from "../port/ticket.ts";
import type { KerberosRules } from "./config/kerberos-rules.ts";
import type { KerberosService } from "./kerberos/service.ts";

export class Tickets {
  private readonly rules: () => KerberosRules;
  private service: KerberosService | undefined;

  constructor(rules: () => KerberosRules) {
    this.rules = rules;
  }

  accept({ token, forRpc }: { token: Uint8Array; forRpc: boolean }): MaybePromise<TicketAnswer> {
    if (this.service) return this.service.accept(token, this.rules(), forRpc);
    // The client's buffer is reused before the module is there.
    const copy = token.slice();
    return import("./kerberos/service.ts").then(({ KerberosService }) => {
      this.service ??= new KerberosService();
      return this.service.accept(copy, this.rules(), forRpc);
    });
  }
}
