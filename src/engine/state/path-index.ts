// Open files by path: a tree of names. A look-up costs the depth of the path, and the rename of a directory
// moves one node, however many files are open below it.

/** A name with something open at it or below it. */
class PathNode<T> {
  parent: PathNode<T> | undefined;
  name: string;
  children: Map<string, PathNode<T>> | undefined;
  /** Nearly always one. Two, where another program gave the name of an open file to another file. */
  items: T[] | undefined;

  constructor(parent: PathNode<T> | undefined, name: string) {
    this.parent = parent;
    this.name = name;
  }
}

/** The entry of an item in the index, for `path` and `remove`. */
export type PathEntry<T> = PathNode<T>;

type Replaced<T> = (item: T, entry: PathEntry<T>, oldEntry: PathEntry<T>) => void;

export class PathIndex<T> {
  private readonly root = new PathNode<T>(undefined, "");

  /** Adds `item` at `path` (components joined by slashes). */
  insert(path: string, item: T): PathEntry<T> {
    const node = this.nodeFor(path);
    if (node.items === undefined) node.items = [item];
    else node.items.push(item);
    return node;
  }

  remove(entry: PathEntry<T>, item: T): void {
    const items = entry.items;
    if (items === undefined) return;
    const at = items.indexOf(item);
    if (at < 0) return;
    items.splice(at, 1);
    if (items.length === 0) entry.items = undefined;
    this.prune(entry);
  }

  /** The item at exactly that path; the newest of several. */
  find(path: string): T | undefined {
    return this.walk(path)?.items?.at(-1);
  }

  /** The path of a entry as of now: renames change it. */
  path(entry: PathEntry<T>): string {
    let path = entry.name;
    for (let node = entry.parent; node?.parent !== undefined; node = node.parent)
      path = `${node.name}/${path}`;
    return path;
  }

  /** True when `path` is the path of `entry`; builds no string. */
  isAt(entry: PathEntry<T>, path: string): boolean {
    let end = path.length;
    for (let node = entry; ;) {
      const start = end - node.name.length;
      const { parent } = node;
      if (start < 0 || parent === undefined || !path.startsWith(node.name, start)) return false;
      if (parent.parent === undefined) return start === 0;
      if (path[start - 1] !== "/") return false;
      end = start - 1;
      node = parent;
    }
  }

  /** True when there is an item below `path`, not counting `path` itself. */
  hasBelow(path: string): boolean {
    return this.walk(path)?.children !== undefined;
  }

  /** Calls `visit` for the items below `path` until it returns true; returns true then. */
  someBelow(path: string, visit: (item: T) => boolean): boolean {
    const start = this.walk(path);
    const open = start === undefined ? [] : [start];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      for (const child of node.children?.values() ?? []) {
        if (child.items?.some(visit) === true) return true;
        open.push(child);
      }
    }
    return false;
  }

  /**
   * Moves what stands at and below `from` to `to`, beside what stands there; `replaced` is told new and old
   * entry.
   */
  move(from: string, to: string, replaced: Replaced<T>): void {
    const node = this.walk(from);
    if (node === undefined || from === to) return;
    const parent = node.parent;
    parent?.children?.delete(node.name);
    if (parent?.children?.size === 0) parent.children = undefined;
    if (parent !== undefined) this.prune(parent);
    const target = this.nodeFor(to);
    this.merge(node, target, replaced);
    this.prune(target);
  }

  private merge(from: PathNode<T>, to: PathNode<T>, replaced: Replaced<T>): void {
    for (const item of from.items ?? []) {
      if (to.items === undefined) to.items = [item];
      else to.items.push(item);
      replaced(item, to, from);
    }
    for (const [name, child] of from.children ?? []) {
      to.children ??= new Map();
      const known = to.children.get(name);
      if (known !== undefined) {
        this.merge(child, known, replaced);
        continue;
      }
      child.parent = to;
      to.children.set(name, child);
    }
  }

  private nodeFor(path: string): PathNode<T> {
    let node = this.root;
    for (let at = 0; at <= path.length;) {
      const slash = path.indexOf("/", at);
      const end = slash < 0 ? path.length : slash;
      const name = path.slice(at, end);
      node.children ??= new Map();
      let child = node.children.get(name);
      if (child === undefined) {
        child = new PathNode(node, name);
        node.children.set(name, child);
      }
      node = child;
      at = end + 1;
    }
    return node;
  }

  private walk(path: string): PathNode<T> | undefined {
    let node: PathNode<T> | undefined = this.root;
    for (let at = 0; at <= path.length && node !== undefined;) {
      const slash = path.indexOf("/", at);
      const end = slash < 0 ? path.length : slash;
      node = node.children?.get(path.slice(at, end));
      at = end + 1;
    }
    return node;
  }

  // Removes nodes without items and children, from `node` upwards.
  private prune(node: PathNode<T>): void {
    let dead = node;
    while (dead.parent !== undefined && dead.items === undefined && dead.children === undefined) {
      const parent: PathNode<T> = dead.parent;
      parent.children?.delete(dead.name);
      if (parent.children?.size === 0) parent.children = undefined;
      dead = parent;
    }
  }
}
