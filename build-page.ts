// Bundles the web page, src/manager/web/page/, into the compressed files that the executable has.
import { readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { gzipSync } from "node:zlib";

const PAGE = join(import.meta.dir, "src/manager/web/page");

/** What the page has parts of; their licences want to be with them. */
const PACKAGES = ["preact", "uplot", "uqr"] as const;

/** Throws with what is wrong with the page. */
export async function bundlePage(): Promise<ReadonlyMap<string, Uint8Array>> {
  const result = await Bun.build({
    entrypoints: [join(PAGE, "index.html")],
    target: "browser",
    format: "esm",
    minify: true,
    // uPlot is loaded with the first plot.
    splitting: true,
    sourcemap: "none",
    naming: { entry: "[name].[ext]", chunk: "[name]-[hash].[ext]", asset: "[name]-[hash].[ext]" },
    throw: false,
  });
  if (!result.success) throw new Error(`the page cannot be bundled:\n${result.logs.join("\n")}`);
  const files = await Promise.all(
    result.outputs.map(async (output) => {
      const content = new Uint8Array(await output.arrayBuffer());
      return [basename(output.path), compress(content)] as const;
    }),
  );
  return new Map([...files, ["licenses.txt", compress(Buffer.from(readLicenses()))]]);
}

/** Only by gzip: Firefox accepts nothing better over plain HTTP, which loopback has. */
function compress(content: Uint8Array): Uint8Array {
  return new Uint8Array(gzipSync(content, { level: 9 }));
}

function readLicenses(): string {
  const textOf = (name: string): string =>
    readFileSync(join(dirname(Bun.resolveSync(`${name}/package.json`, PAGE)), "LICENSE"), "utf8");
  return PACKAGES.map((name) => `${name}\n\n${textOf(name).trim()}\n`).join("\n\n");
}

/** Has the bundle contain the page's files, and the list of them in the place of page-bundle.ts. */
export async function pagePlugin(directory: string): Promise<Bun.BunPlugin> {
  const names = [...(await bundlePage())].map(([name, content]) => {
    writeFileSync(join(directory, `${name}.gz`), content);
    return name;
  });
  const imports = names.map((name, index) => {
    const path = JSON.stringify(join(directory, `${name}.gz`));
    return `import file${index} from ${path} with { type: "file" };`;
  });
  const rows = names.map((name, index) => `${JSON.stringify(name)}: file${index}`);
  const contents = `${imports.join("\n")}\nexport const BUNDLE = { ${rows.join(", ")} };`;
  return {
    name: "the page's files",
    setup(build) {
      build.onLoad({ filter: /\/manager\/web\/page-bundle\.ts$/ }, () => ({ contents, loader: "ts" }));
    },
  };
}
