// The part of `npm run gluster` that runs in the namespaces: the volume, a server on each of two mounts, the checks.
import { chmodSync } from "node:fs";
import { mountTest } from "../e2e/client/attack-rig.ts";
import { startServer } from "../e2e/client/server.ts";
import { CHECKS } from "./checks.ts";
import { Volume } from "./volume.ts";

const [directory = "", host = ""] = process.argv.slice(2);
chmodSync(directory, 0o755);
const volume = await Volume.create(directory, host);

async function serve(name: string) {
  const path = volume.mount(name);
  chmodSync(path, 0o777);
  const parameters = { "posix locking": "yes" };
  return startServer({ shares: [{ name: "test", path, parameters }] });
}

const servers = [await serve("mount1"), await serve("mount2")] as const;
const [one, other] = [await mountTest(servers[0]), await mountTest(servers[1])];
let differing = 0;
for (const { what, holds, run } of CHECKS) {
  const began = performance.now();
  const found = await run({ one, other, volume, reconnect: () => mountTest(servers[0]) });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const note = found === holds ? "" : "  (differs from what is documented)";
  if (found !== holds) differing++;
  console.log(`${found ? "holds        " : "does not hold"}  ${what}  ${seconds} s${note}`);
}
// The namespace's end ends the servers and the volume.
process.exit(differing === 0 ? 0 : 1);
