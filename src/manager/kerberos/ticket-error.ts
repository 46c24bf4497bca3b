// The error that refuses a ticket.

/** Its message says why, in words for the log. */
export class TicketError extends Error {
  /** Empty where the ticket could not be read. */
  readonly user: string;
  /** What the client is told; undefined: the status alone. */
  readonly reply: Uint8Array | undefined;

  constructor(reason: string, user = "", reply?: Uint8Array) {
    super(reason);
    this.user = user;
    this.reply = reply;
  }
}
