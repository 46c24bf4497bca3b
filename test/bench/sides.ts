// The servers that are compared, each started when it is first needed and again after it has failed.
import { statFields } from "../peer/test-server.ts";
import type { Starter, Subject } from "./subjects.ts";

export class Side {
  readonly name: string;
  private readonly start: Starter;
  private subject: Subject | undefined;

  constructor(name: string, start: Starter) {
    this.name = name;
    this.start = start;
  }

  /** The server that most rows share. */
  async current(): Promise<Subject> {
    if (this.subject !== undefined && !isRunning(this.subject.pid)) await this.stop();
    return (this.subject ??= await this.start());
  }

  /** Starts another server, for rows that need a fresh one; the caller stops it. */
  fresh(): Promise<Subject> {
    return this.start();
  }

  async stop(): Promise<void> {
    const { subject } = this;
    this.subject = undefined;
    await subject?.stop();
  }
}

function isRunning(pid: number): boolean {
  const state = statFields(pid)?.[0];
  return state !== undefined && state !== "Z" && state !== "X";
}
