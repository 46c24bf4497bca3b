// Runs the Bun that npm installed, whether or not npm was allowed to run its install script. Plain Node.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const modules = join(dirname(fileURLToPath(import.meta.url)), "node_modules");
/** What stands in the executable's place until the install script has run is a few hundred bytes. */
const SMALLEST = 1_000_000;

function findBun() {
  const scope = join(modules, "@oven");
  const packages = existsSync(scope) ? readdirSync(scope).map((name) => join(scope, name, "bin/bun")) : [];
  return [join(modules, "bun/bin/bun.exe"), ...packages].find((file) => {
    const found = statSync(file, { throwIfNoEntry: false });
    // One that was built for another C library does not start.
    return found && found.size > SMALLEST && spawnSync(file, ["--version"]).status === 0;
  });
}

const bun = findBun();
if (!bun) {
  process.stderr.write("minismbd: there is no Bun in node_modules, run npm ci\n");
  process.exit(1);
}
const { status, signal } = spawnSync(bun, process.argv.slice(2), { stdio: "inherit" });
process.exit(signal ? 128 + constants.signals[signal] : (status ?? 1));
