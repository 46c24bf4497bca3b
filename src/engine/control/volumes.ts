// The disks that tree connects use, found by the mount table: asking the disk itself could wait for it.
import { currentMounts, type Mount, mountOf } from "../../linux/mountinfo.ts";
import type { VolumeRow } from "../../port/control.ts";
import type { EngineContext } from "../connection/context.ts";
import type { Tree } from "../state/session.ts";

interface Use {
  readonly mount: Mount | undefined;
  readonly shares: Set<string>;
  opens: number;
}

export function* listVolumes(context: EngineContext): IterableIterator<VolumeRow> {
  const mounts = currentMounts();
  const mountsOfPaths = new Map<string, Mount | undefined>();
  const uses = new Map<string, Use>();
  for (const tree of treesOf(context)) {
    const { path, name } = tree.grant;
    if (!mountsOfPaths.has(path)) mountsOfPaths.set(path, mountOf(mounts, path));
    const mount = mountsOfPaths.get(path);
    const point = mount?.mountPoint ?? "";
    let use = uses.get(point);
    if (use === undefined) uses.set(point, (use = { mount, shares: new Set(), opens: 0 }));
    use.shares.add(name);
    use.opens += context.opens.ofTree(tree).size;
  }
  for (const { mount, shares, opens } of uses.values()) {
    yield {
      mountPoint: mount?.mountPoint ?? "",
      source: mount?.source ?? "",
      fileSystem: mount?.fileSystem ?? "",
      shares: [...shares],
      opens,
    };
  }
}

/** The tree connects to disks, and those of ended sessions whose durable opens wait for their client. */
export function treesOf({ durables, sessions }: EngineContext): Set<Tree> {
  const trees = new Set<Tree>();
  for (const open of durables.detached()) trees.add(open.tree);
  for (const session of sessions.values())
    for (const tree of session.trees.values()) if (tree.grant.type === "disk") trees.add(tree);
  return trees;
}
