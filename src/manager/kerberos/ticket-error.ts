// The error that refuses a ticket.

/** Its message says why, in words for the log. */
export class TicketError extends Error {
  /** Empty where the ticket could not be read. */
  readonly user: string;

  constructor(reason: string, user = "") {
    super(reason);
    this.user = user;
  }
}
