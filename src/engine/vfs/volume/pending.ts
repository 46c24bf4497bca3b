// Counts the operations under way on a descriptor in other threads; it is closed after the last of them.

export class Pending {
  private count = 0;
  private whenIdle: (() => void) | undefined;

  add(): void {
    this.count++;
  }

  done(): void {
    if (--this.count === 0) this.whenIdle?.();
  }

  get isIdle(): boolean {
    return this.count === 0;
  }

  /** Calls `action` once, as soon as nothing is pending. One action at a time. */
  afterAll(action: () => void): void {
    if (this.count === 0) action();
    else this.whenIdle = action;
  }
}

/** Counts operations that use two descriptors. */
export class PendingOnBoth extends Pending {
  private readonly first: Pending;
  private readonly second: Pending;

  constructor(first: Pending, second: Pending) {
    super();
    this.first = first;
    this.second = second;
  }

  override add(): void {
    this.first.add();
    this.second.add();
  }

  override done(): void {
    this.first.done();
    this.second.done();
  }
}
