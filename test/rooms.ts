// The import graph of src: which file imports which, circles, and the imports between rooms. Run as a program it prints
// a report (`npm run rooms`).
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const ROOT = join(import.meta.dir, "..");

/** A file's imports below src by path, type imports and dynamic imports included, and names of packages. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** Specifiers of imports and re-exports, dynamic ones too. */
function specifiersOf(path: string): string[] {
  const text = readFileSync(join(ROOT, path), "utf8");
  const patterns = [
    /^(?:import|export)\b[^;"']*?from\s*["']([^"']+)["']/gm,
    /^import\s*["']([^"']+)["']/gm,
    /\bimport\(\s*["']([^"']+)["']/g,
  ];
  return patterns.flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[1] ?? ""));
}

/** Reads the imports of every file below src. Relative ones become paths from the root of the repository. */
export function readImports(): ImportGraph {
  const paths = [...new Bun.Glob("**/*.{ts,tsx}").scanSync(join(ROOT, "src"))]
    .map((path) => `src/${path}`)
    .sort();
  return new Map(
    paths.map((path) => {
      const targets = specifiersOf(path).map((specifier) =>
        specifier.startsWith(".") ? normalize(join(dirname(path), specifier)) : specifier,
      );
      return [path, [...new Set(targets)]];
    }),
  );
}

/** The groups of files that import each other in a circle: the strongly connected components of more than one file. */
export function findCircles(graph: ImportGraph): string[][] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  // Tarjan's algorithm.
  const visit = (path: string): number => {
    order.set(path, order.size);
    let low = order.get(path) ?? 0;
    stack.push(path);
    for (const target of graph.get(path) ?? []) {
      if (!graph.has(target)) continue;
      if (!order.has(target)) low = Math.min(low, visit(target));
      else if (stack.includes(target)) low = Math.min(low, order.get(target) ?? low);
    }
    lowest.set(path, low);
    if (low === order.get(path)) {
      const circle = stack.splice(stack.indexOf(path));
      if (circle.length > 1) circles.push(circle.sort());
    }
    return low;
  };
  for (const path of graph.keys()) if (!order.has(path)) visit(path);
  return circles;
}

/** The room of `path` inside `folder` ("src/engine/vfs"): a sub-folder or a file; undefined outside of it. */
export function roomIn(folder: string, path: string): string | undefined {
  return path.startsWith(`${folder}/`) ? path.slice(folder.length + 1).split("/")[0] : undefined;
}

/** Every import between two rooms of `folder`: "room -> room", with the files. */
export function importsBetweenRooms(graph: ImportGraph, folder: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [path, targets] of graph) {
    const from = roomIn(folder, path);
    if (from === undefined) continue;
    for (const target of targets) {
      const to = roomIn(folder, target);
      if (to === undefined || to === from) continue;
      const key = `${from} -> ${to}`;
      found.set(key, [...(found.get(key) ?? []), `${path} imports ${target}`]);
    }
  }
  return found;
}

function report(): void {
  const graph = readImports();
  const lines = [`${graph.size} files below src, ${findCircles(graph).length} circles of imports`];
  for (const folder of ["src", "src/engine", "src/engine/vfs", "src/engine/command"]) {
    const between = importsBetweenRooms(graph, folder);
    const count = [...between.values()].reduce((sum, files) => sum + files.length, 0);
    lines.push(`${folder}: ${between.size} arrows between rooms, ${count} imports`);
    for (const [arrow, files] of [...between].sort()) lines.push(`  ${arrow} ${files.length}`);
  }
  process.stdout.write(`${lines.join("\n")}\n`);
}

if (import.meta.main) report();
