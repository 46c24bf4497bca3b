// After a rename: what is open there, and below where it is a directory, learns the path it has now, by which
// attributes depend on names (hide dot files) and metadata lies beside its file.
import type { OpenTable, SharedFile } from "../state/open-table.ts";

export function tellMoved(opens: OpenTable, file: SharedFile): void {
  tell(file);
  opens.findBelow(file.path, (below) => {
    tell(below);
    return false;
  });
}

function tell(file: SharedFile): void {
  for (const { node, handle, rootPath, snapshotPath } of file.opens) {
    if (snapshotPath !== undefined) continue;
    const path = file.pathBelow(rootPath);
    node?.renamed?.(path);
    handle?.renamed?.(path);
  }
}
