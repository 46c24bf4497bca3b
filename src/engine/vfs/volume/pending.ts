// Work on a descriptor that goes on elsewhere: the descriptor stays open until the last of it is done.

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

  /** Calls `action` once, as soon as nothing is pending. */
  afterAll(action: () => void): void {
    if (this.count === 0) action();
    else this.whenIdle = action;
  }
}

/** Work on two descriptors at once. */
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
