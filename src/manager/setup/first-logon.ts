// Withdraws the files that show the first password when somebody has logged on with it.
import type { EngineEvent } from "../../port/port.ts";
import { askWorker } from "../worker-question.ts";
import type { Log } from "../log/log.ts";
import { readSetupRecord, setupFileOf } from "./setup-record.ts";

export class FirstLogon {
  private readonly recordFile: string | null;
  private readonly log: Log;
  /** Whose log-on is waited for. */
  private user: string | undefined;

  constructor(passwordFile: string | null, log: Log) {
    this.recordFile = passwordFile === null ? null : setupFileOf(passwordFile);
    this.log = log;
    this.follow();
  }

  /** `minismbd setup` has made the account, and nobody has logged on with it yet. */
  get isAwaited(): boolean {
    return this.user !== undefined;
  }

  /** At the start and at a reload, when files are read. */
  follow(): void {
    this.user = undefined;
    if (this.recordFile === null) return;
    try {
      const record = readSetupRecord(this.recordFile);
      if (record?.isComplete === true && record.password !== "") this.user = record.user;
    } catch {
      // `minismbd setup` says what is wrong with it.
    }
  }

  see(event: EngineEvent): void {
    if (this.user === undefined || event.event !== "logon") return;
    if (event.identity.isGuest || event.identity.user !== this.user) return;
    this.user = undefined;
    void this.withdraw();
  }

  private async withdraw(): Promise<void> {
    const answer = await askWorker<NoticeAnswer>("manager/setup/notice-worker.ts", this.recordFile);
    const fault = typeof answer === "string" ? answer : answer.fault;
    if (fault === undefined) this.log.info("the first password was used, and is shown no longer");
    else this.log.warn(`the first password is still shown: ${fault}; run 'minismbd setup'`);
  }
}

/** `fault`: what could not be removed. */
export interface NoticeAnswer {
  readonly fault: string | undefined;
}
