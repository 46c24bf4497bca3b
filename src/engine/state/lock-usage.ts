// The byte-range locks of each user and of all users together, held and waited for: they take memory (about
// 280 bytes each), whatever the number of files.

/** What a lock is counted for. */
export interface LockCharge {
  readonly usage: LockUsage;
  readonly user: string;
}

export class LockUsage {
  private readonly users = new Map<string, number>();
  private total = 0;

  get count(): number {
    return this.total;
  }

  add(user: string, change: number): void {
    this.total += change;
    const count = (this.users.get(user) ?? 0) + change;
    if (count > 0) this.users.set(user, count);
    else this.users.delete(user);
  }

  /** True where `user` may have no more: one user leaves an eighth of `limit` to others. */
  isFull(user: string, limit: number): boolean {
    return this.total >= limit || (this.users.get(user) ?? 0) >= limit - (limit >> 3);
  }
}
