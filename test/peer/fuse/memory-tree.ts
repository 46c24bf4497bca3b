// Files and directories in memory for the FUSE server of the tests. Nodes have numbers; 1 is the root.

export interface TreeNode {
  readonly id: number;
  /** File type and permission bits, as st_mode. */
  mode: number;
  uid: number;
  gid: number;
  links: number;
  data: Uint8Array;
  size: number;
  accessMs: number;
  modifyMs: number;
  changeMs: number;
  /** Only of directories. */
  readonly children: Map<string, TreeNode>;
  readonly attributes: Map<string, Uint8Array>;
}

export const DIRECTORY_TYPE = 0o040000;
export const FILE_TYPE = 0o100000;

const EEXIST = -17;
const ENOENT = -2;
const ENOTDIR = -20;
const EISDIR = -21;
const ENOTEMPTY = -39;

export class MemoryTree {
  private readonly nodes = new Map<number, TreeNode>();
  private lastId = 0;

  constructor() {
    this.make(DIRECTORY_TYPE | 0o777, 0, 0);
  }

  find(id: number): TreeNode | undefined {
    return this.nodes.get(id);
  }

  isDirectory(node: TreeNode): boolean {
    return (node.mode & DIRECTORY_TYPE) !== 0 && (node.mode & FILE_TYPE) === 0;
  }

  create(parent: TreeNode, name: string, mode: number, uid: number, gid: number): TreeNode | number {
    if (parent.children.has(name)) return EEXIST;
    const node = this.make(mode, uid, gid);
    parent.children.set(name, node);
    this.touch(parent);
    return node;
  }

  /** Removes a name and returns 0 or -errno. Nodes without names are kept because they may be open. */
  remove(parent: TreeNode, name: string, wantsDirectory: boolean): number {
    const node = parent.children.get(name);
    if (node === undefined) return ENOENT;
    if (wantsDirectory !== this.isDirectory(node)) return wantsDirectory ? ENOTDIR : EISDIR;
    if (node.children.size > 0) return ENOTEMPTY;
    parent.children.delete(name);
    node.links--;
    this.touch(parent);
    return 0;
  }

  rename(from: TreeNode, oldName: string, to: TreeNode, newName: string, mayReplace: boolean): number {
    const node = from.children.get(oldName);
    if (node === undefined) return ENOENT;
    const there = to.children.get(newName);
    if (there !== undefined && !mayReplace) return EEXIST;
    if (there !== undefined && there.children.size > 0) return ENOTEMPTY;
    from.children.delete(oldName);
    to.children.set(newName, node);
    node.changeMs = Date.now();
    this.touch(from);
    this.touch(to);
    return 0;
  }

  write(node: TreeNode, bytes: Uint8Array, offset: number): void {
    this.resize(node, Math.max(node.size, offset + bytes.length));
    node.data.set(bytes, offset);
  }

  resize(node: TreeNode, size: number): void {
    if (size > node.data.length) {
      const grown = new Uint8Array(Math.max(size, node.data.length * 2));
      grown.set(node.data.subarray(0, node.size));
      node.data = grown;
    }
    if (size < node.size) node.data.fill(0, size, node.size);
    node.size = size;
    this.touch(node);
  }

  private make(mode: number, uid: number, gid: number): TreeNode {
    const now = Date.now();
    const node: TreeNode = {
      id: ++this.lastId,
      mode,
      uid,
      gid,
      links: 1,
      data: new Uint8Array(0),
      size: 0,
      accessMs: now,
      modifyMs: now,
      changeMs: now,
      children: new Map(),
      attributes: new Map(),
    };
    this.nodes.set(node.id, node);
    return node;
  }

  private touch(node: TreeNode): void {
    node.modifyMs = Date.now();
    node.changeMs = node.modifyMs;
  }
}
