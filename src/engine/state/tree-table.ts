// The tree connects of one session by id, and which shares they are of; [MS-SMB2] 3.3.1.8 (TreeConnectTable).
/** What this table uses of a tree connect. */
interface OfShare {
  readonly grant: { readonly name: string };
}

/** Nearly all sessions have fewer: their shares are not counted, which would double the table's memory. */
const FEW_TREES = 8;

export class TreeTable<Tree extends OfShare> extends Map<number, Tree> {
  /** Made when there are more than `FEW_TREES`. */
  private countsOfShares: Map<string, number> | undefined;

  hasShare(name: string): boolean {
    if (this.size > FEW_TREES) return (this.countsOfShares ??= this.countShares()).has(name);
    for (const { grant } of this.values()) if (grant.name === name) return true;
    return false;
  }

  private countShares(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { grant } of this.values()) counts.set(grant.name, (counts.get(grant.name) ?? 0) + 1);
    return counts;
  }

  override set(id: number, tree: Tree): this {
    this.delete(id);
    const counts = this.countsOfShares;
    counts?.set(tree.grant.name, (counts.get(tree.grant.name) ?? 0) + 1);
    return super.set(id, tree);
  }

  override delete(id: number): boolean {
    const tree = this.get(id);
    if (tree === undefined) return false;
    const counts = this.countsOfShares;
    const left = (counts?.get(tree.grant.name) ?? 1) - 1;
    if (left > 0) counts?.set(tree.grant.name, left);
    else counts?.delete(tree.grant.name);
    return super.delete(id);
  }

  override clear(): void {
    this.countsOfShares = undefined;
    super.clear();
  }
}
