// What a connection has received, done and sent.
import type { Traffic } from "../../port/control.ts";
import type { NtStatus } from "../../wire/status.ts";

/** STATUS_SEVERITY_ERROR in the two highest bits; [MS-ERREF] 2.3. */
const SEVERITY_ERROR = 3;

export class TrafficCount implements Traffic {
  requests = 0;
  failures = 0;
  receivedBytes = 0;
  sentBytes = 0;

  /** Counts a request with the status of its answer. */
  count(status: NtStatus): void {
    this.requests++;
    if (status >>> 30 === SEVERITY_ERROR) this.failures++;
  }

  add(other: Traffic): void {
    this.requests += other.requests;
    this.failures += other.failures;
    this.receivedBytes += other.receivedBytes;
    this.sentBytes += other.sentBytes;
  }

  /** The numbers as they are now. */
  snapshot(): Traffic {
    const { requests, failures, receivedBytes, sentBytes } = this;
    return { requests, failures, receivedBytes, sentBytes };
  }
}
