// The target of a DFS link, as Samba stores it: a symlink to `msdfs:SERVER\SHARE`, with further targets after
// commas; smb.conf(5), `msdfs root`.

/** A symlink to a share of another server, in a share with `msdfs root`. */
export interface DfsLink {
  /** Number of the path's components up to the link, which is the last of them. */
  readonly depth: number;
  /** Of the symlink. */
  readonly target: string;
}

const PREFIX = /^msdfs:/i;

/** True for the target of a symlink that is a DFS link in a share with `msdfs root`. */
export function isDfsTarget(target: string): boolean {
  return PREFIX.test(target);
}

/** The targets of a DFS link or of `msdfs proxy`, as referrals name them: `\SERVER\SHARE` or a path below. */
export function dfsTargetsOf(text: string): string[] {
  const targets: string[] = [];
  for (const part of text.replace(PREFIX, "").split(",")) {
    const names = part
      .trim()
      .split(/[\\/]/)
      .filter((name) => name !== "");
    // A server alone is no target.
    if (names.length >= 2) targets.push(`\\${names.join("\\")}`);
  }
  return targets;
}
