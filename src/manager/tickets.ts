// Kerberos' tickets; kerberos/ is loaded with the first.
import type { MaybePromise } from "../port/port.ts";
import type { TicketAnswer } from "../port/ticket.ts";
import type { KerberosRules } from "./config/kerberos-rules.ts";
import type { KerberosService } from "./kerberos/service.ts";

interface TicketSource {
  configuration(): { readonly kerberos: KerberosRules };
  /** The SID of the domain of this server's users. */
  machineSid(): string;
}

export class Tickets {
  private readonly source: TicketSource;
  private service: KerberosService | undefined;

  constructor(source: TicketSource) {
    this.source = source;
  }

  accept({ token, forRpc }: { token: Uint8Array; forRpc: boolean }): MaybePromise<TicketAnswer> {
    if (this.service) return this.service.accept(token, this.source.configuration().kerberos, forRpc);
    // The client's buffer is reused before the module is there.
    const copy = token.slice();
    return import("./kerberos/service.ts").then(({ KerberosService }) => {
      this.service ??= new KerberosService(() => this.source.machineSid());
      return this.service.accept(copy, this.source.configuration().kerberos, forRpc);
    });
  }
}
