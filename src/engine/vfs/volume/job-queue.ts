// The jobs that wait for a worker of a volume. The shares of clients' trees take turns, so that a client with
// hundreds of requests under way delays the single request of another by one job, not by hundreds.

interface QueuedJob {
  readonly share: number;
}

export class JobQueue<Job extends QueuedJob> {
  /** The jobs of each share; the share at the front is the next. */
  private readonly waiting = new Map<number, Job[]>();
  private count = 0;

  get isEmpty(): boolean {
    return this.count === 0;
  }

  push(job: Job): void {
    const jobs = this.waiting.get(job.share);
    if (jobs === undefined) this.waiting.set(job.share, [job]);
    else jobs.push(job);
    this.count++;
  }

  /** Removes and returns the next job for which `mayRun` is true. */
  take(mayRun: (job: Job) => boolean): Job | undefined {
    for (const [share, jobs] of this.waiting) {
      const at = jobs.findIndex(mayRun);
      const job = jobs[at];
      if (job === undefined) continue;
      jobs.splice(at, 1);
      this.waiting.delete(share);
      if (jobs.length > 0) this.waiting.set(share, jobs);
      this.count--;
      return job;
    }
    return undefined;
  }

  /** False where the job is not in the queue. */
  remove(job: Job): boolean {
    const jobs = this.waiting.get(job.share);
    const at = jobs?.indexOf(job) ?? -1;
    if (jobs === undefined || at < 0) return false;
    jobs.splice(at, 1);
    if (jobs.length === 0) this.waiting.delete(job.share);
    this.count--;
    return true;
  }

  /** Removes and returns all jobs. */
  drain(): Job[] {
    const jobs = [...this.waiting.values()].flat();
    this.waiting.clear();
    this.count = 0;
    return jobs;
  }
}
