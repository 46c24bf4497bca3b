// Byte ranges that may overlap, searched by overlap: a treap ordered by offset (an interval tree). Look-up,
// insertion and removal take logarithmic time.

/** A range `[offset, last]` of one owner. An empty range has `last` one below `offset`. */
export class RangeNode {
  readonly offset: bigint;
  readonly last: bigint;
  readonly owner: number;
  /** How many times the owner holds this range. */
  count = 1;
  /** The largest `last` in this subtree. */
  reach: bigint;
  readonly priority = Math.random();
  left: RangeNode | undefined;
  right: RangeNode | undefined;

  constructor(offset: bigint, last: bigint, owner: number) {
    this.offset = offset;
    this.last = last;
    this.owner = owner;
    this.reach = last;
  }
}

export class RangeTree {
  private root: RangeNode | undefined;
  private nodeCount = 0;

  get size(): number {
    return this.nodeCount;
  }

  find(offset: bigint, last: bigint, owner: number): RangeNode | undefined {
    let node = this.root;
    while (node !== undefined) {
      const order = compare(node, offset, last, owner);
      if (order === 0) return node;
      node = order > 0 ? node.left : node.right;
    }
    return undefined;
  }

  clear(): void {
    this.root = undefined;
    this.nodeCount = 0;
  }

  /** Adds a node; the tree must not have one of the same range and owner. */
  insert(node: RangeNode): void {
    this.root = insertBelow(this.root, node);
    this.nodeCount++;
  }

  /** Removes a node of this tree. */
  remove(node: RangeNode): void {
    this.root = removeBelow(this.root, node);
    this.nodeCount--;
  }

  /**
   * True when `accepts` returns true for a range that overlaps `[offset, last]`; calls it in order of offset
   * until then. Two ranges overlap when each starts no later than the other ends ([MS-FSA] 2.1.4.10): an
   * empty range overlaps those that extend to both sides of it.
   */
  someOverlapping(offset: bigint, last: bigint, accepts: (node: RangeNode) => boolean): boolean {
    return someBelow(this.root, offset, last, accepts);
  }
}

/** Above 0 where `node` comes after the key. */
function compare(node: RangeNode, offset: bigint, last: bigint, owner: number): number {
  if (node.offset !== offset) return node.offset > offset ? 1 : -1;
  if (node.last !== last) return node.last > last ? 1 : -1;
  return node.owner - owner;
}

function isBefore(a: RangeNode, b: RangeNode): boolean {
  return compare(a, b.offset, b.last, b.owner) < 0;
}

function someBelow(
  node: RangeNode | undefined,
  offset: bigint,
  last: bigint,
  accepts: (node: RangeNode) => boolean,
): boolean {
  if (node === undefined || node.reach < offset) return false;
  if (someBelow(node.left, offset, last, accepts)) return true;
  if (node.offset > last) return false;
  if (node.last >= offset && accepts(node)) return true;
  return someBelow(node.right, offset, last, accepts);
}

function measure(node: RangeNode): void {
  let { last: reach } = node;
  if (node.left !== undefined && node.left.reach > reach) ({ reach } = node.left);
  if (node.right !== undefined && node.right.reach > reach) ({ reach } = node.right);
  node.reach = reach;
}

function insertBelow(root: RangeNode | undefined, node: RangeNode): RangeNode {
  if (root === undefined) return node;
  if (node.priority > root.priority) {
    node.left = partBefore(root, node);
    node.right = partAfter;
    partAfter = undefined;
    measure(node);
    return node;
  }
  if (isBefore(node, root)) root.left = insertBelow(root.left, node);
  else root.right = insertBelow(root.right, node);
  measure(root);
  return root;
}

/** The second result of `partBefore`. */
let partAfter: RangeNode | undefined;

/** Splits a subtree: returns what comes before `node`, and leaves the rest in `partAfter`. */
function partBefore(root: RangeNode | undefined, node: RangeNode): RangeNode | undefined {
  if (root === undefined) {
    partAfter = undefined;
    return undefined;
  }
  if (isBefore(root, node)) {
    root.right = partBefore(root.right, node);
    measure(root);
    return root;
  }
  const before = partBefore(root.left, node);
  root.left = partAfter;
  measure(root);
  partAfter = root;
  return before;
}

function removeBelow(root: RangeNode | undefined, node: RangeNode): RangeNode | undefined {
  if (root === undefined) return undefined;
  if (root === node) {
    const merged = merge(node.left, node.right);
    node.left = undefined;
    node.right = undefined;
    return merged;
  }
  if (isBefore(node, root)) root.left = removeBelow(root.left, node);
  else root.right = removeBelow(root.right, node);
  measure(root);
  return root;
}

/** Joins two subtrees of which all of `a` comes before all of `b`. */
function merge(a: RangeNode | undefined, b: RangeNode | undefined): RangeNode | undefined {
  if (a === undefined) return b;
  if (b === undefined) return a;
  if (a.priority > b.priority) {
    a.right = merge(a.right, b);
    measure(a);
    return a;
  }
  b.left = merge(a, b.left);
  measure(b);
  return b;
}
