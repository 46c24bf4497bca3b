// Who wants to know that the configuration, the users or the disks have changed.

export type ChangeKind = "configuration" | "users" | "disks";

export class ChangeFeed {
  private readonly followers = new Set<(kind: ChangeKind) => void>();

  /** Returns how to end it. */
  follow(follower: (kind: ChangeKind) => void): () => void {
    this.followers.add(follower);
    return () => void this.followers.delete(follower);
  }

  report(kind: ChangeKind): void {
    for (const follower of this.followers) follower(kind);
  }
}
