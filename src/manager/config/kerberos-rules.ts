// `kerberos …`: which tickets are accepted; ksmbd.conf(5), smb.conf(5) for the encryption types.
import type { TicketRules } from "../kerberos/ticket-acceptor.ts";
import type { SectionValues } from "./section-values.ts";

export interface KerberosRules extends TicketRules {
  readonly keytabFile: string;
}

export function readKerberosRules(globals: SectionValues): KerberosRules {
  const types = globals.choice("kerberos encryption types");
  return {
    keytabFile: globals.text("kerberos keytab file") || "/etc/krb5.keytab",
    services: globals
      .text("kerberos service name")
      .split(/[\s,]+/)
      .filter((name) => name !== "")
      .map(foldService),
    skewMs: (globals.number("kerberos clock skew") ?? 300) * 1000,
    allowsAes: types !== "legacy",
    allowsRc4: types !== "strong",
    usesPacGroups: globals.boolean("kerberos pac groups"),
  };
}

/** Names of hosts have no case, realms do. A name without a service is that of a host: `nas.example.org`. */
function foldService(name: string): string {
  const [principal = "", ...realm] = name.split("@");
  const service = principal.includes("/") ? principal : `cifs/${principal}`;
  return [service.toLowerCase(), ...realm].join("@");
}
