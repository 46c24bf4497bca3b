// What each parameter of a share changes for a client, without it and with it.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  giveToTester,
  makeDirectory,
  removeDirectory,
  TESTER,
  type TestServer,
} from "../../peer/test-server.ts";
import { mountShare } from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";
import { type Effect, EFFECTS } from "./effects/effects.ts";

const base = makeDirectory("minismbd-effects");
let server: TestServer;

/** `wide links` with the POSIX extensions is their row's; elsewhere the extensions change nothing. */
beforeAll(async () => {
  chmodSync(base, 0o755);
  const shares = EFFECTS.flatMap((effect, at) => [
    share(effect, `without${at}`, false),
    share(effect, `with${at}`, true),
  ]);
  server = await startServer({
    shares,
    parameters: { "smb3 unix extensions": "yes" },
    environment: { TZ: "Asia/Kolkata" },
  });
});
afterAll(async () => {
  await server?.stop();
  removeDirectory(base);
});

function share({ parameter, value, common = {}, prepare }: Effect, name: string, isSet: boolean) {
  const path = join(base, name);
  mkdirSync(path);
  giveToTester(path);
  prepare?.(path);
  const lines = { ...common, ...(isSet && { [parameter]: value }) };
  const filled = Object.entries(lines).map(([key, text]) => [key, text.replaceAll("PATH", path)]);
  return { name, path, parameters: Object.fromEntries(filled) as Record<string, string> };
}

async function probe(effect: Effect, name: string): Promise<unknown> {
  const mount = await mountShare(server, TESTER, name);
  try {
    return await effect.probe({ mount, path: join(base, name), server });
  } finally {
    mount.client.close();
  }
}

test
  .skipIf(process.getuid?.() !== 0)
  .each(EFFECTS.map((effect, at) => [effect.parameter, effect.value, at, effect] as const))(
  "%s = %s",
  async (_parameter, _value, at, effect) => {
    expect(await probe(effect, `without${at}`)).toEqual(effect.without);
    expect(await probe(effect, `with${at}`)).toEqual(effect.with);
  },
);
