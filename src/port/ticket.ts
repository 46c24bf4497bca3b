// The manager's answer to a client's Kerberos ticket, and what the ticket says of its user. Types only.

/** The user of a Windows domain, as its domain controller says: what of a PAC counts for rights. */
export interface DomainMembership {
  /** NetBIOS name. */
  readonly domain: string;
  readonly domainSid: string;
  /** The user's first, then those of all groups; at most 1,024, none of this machine's own. */
  readonly sids: readonly string[];
}

/** The answer to a client's Kerberos ticket. */
export type TicketAnswer =
  | {
      readonly kind: "accepted";
      /** The client's principal: its name, which has one part, and its realm. */
      readonly user: string;
      readonly realm: string;
      /** The context's key: the client's subkey, or the ticket's. */
      readonly etype: number;
      readonly key: Uint8Array;
      /** The key is a subkey of the server's. */
      readonly isServerKey: boolean;
      /** Numbers of the server's and the client's first signed message. */
      readonly sequence: number;
      readonly clientSequence: number;
      /** The AP-REP, where the client asked for one. */
      readonly token: Uint8Array | undefined;
      /** In DCE's exchange: checks the client's answer to the AP-REP, until which it has proved nothing. */
      readonly confirm: ((token: Uint8Array) => boolean) | undefined;
      /** Milliseconds since 1970 at which the session ends. */
      readonly expiresMs: number;
      /** Undefined unless the configuration has the groups of tickets used. */
      readonly membership?: DomainMembership | undefined;
    }
  | {
      readonly kind: "refused";
      /** For the log. */
      readonly reason: string;
      /** Empty where the ticket could not be read. */
      readonly user: string;
      /** Where the clocks differ: tells the client the server's time, by which it may try again. */
      readonly reply?: Uint8Array | undefined;
    };
