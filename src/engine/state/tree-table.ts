// The tree connects of one session by id, and which shares they are of; [MS-SMB2] 3.3.1.8 (TreeConnectTable).
/** What this table uses of a tree connect. */
interface OfShare {
  readonly grant: { readonly name: string };
}

export class TreeTable<Tree extends OfShare> extends Map<number, Tree> {
  private readonly countsOfShares = new Map<string, number>();

  hasShare(name: string): boolean {
    return this.countsOfShares.has(name);
  }

  override set(id: number, tree: Tree): this {
    this.delete(id);
    this.countsOfShares.set(tree.grant.name, (this.countsOfShares.get(tree.grant.name) ?? 0) + 1);
    return super.set(id, tree);
  }

  override delete(id: number): boolean {
    const tree = this.get(id);
    if (tree === undefined) return false;
    const left = (this.countsOfShares.get(tree.grant.name) ?? 1) - 1;
    if (left > 0) this.countsOfShares.set(tree.grant.name, left);
    else this.countsOfShares.delete(tree.grant.name);
    return super.delete(id);
  }

  override clear(): void {
    this.countsOfShares.clear();
    super.clear();
  }
}
