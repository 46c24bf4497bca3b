// After a rename: what is open there, and below where it is a directory, learns the path it has now, by which
// attributes depend on names (hide dot files) and metadata lies beside its file.
import type { OpenTable, SharedFile } from "../state/open-table.ts";

export function tellMoved(opens: OpenTable, file: SharedFile, path: string): void {
  tell(file);
  opens.findBelow(path, (below) => {
    tell(below);
    return false;
  });
}

function tell(file: SharedFile): void {
  for (const open of file.opens) {
    const { node, handle } = open;
    if (open.snapshotPath !== undefined) continue;
    const path = open.pathBelow(open.rootPath);
    node?.renamed?.(path);
    handle?.renamed?.(path);
  }
}
