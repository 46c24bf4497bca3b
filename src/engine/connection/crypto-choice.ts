// Which cryptography the server uses: native or pure functions, with threads or without.
import { selectProvider } from "../../crypto/select.ts";
import { hasAesInstructions } from "../../linux/processor.ts";
import type { EngineSettings } from "../../port/port.ts";
import type { Log } from "./context.ts";
import { CryptoThreads } from "./crypto-threads.ts";

/** Threads gain nothing where the processor encrypts by instructions of its own. */
export function threadsFor({ cryptoProvider }: EngineSettings): CryptoThreads | undefined {
  const isSlow = cryptoProvider === "pure" || !hasAesInstructions();
  return isSlow && CryptoThreads.canHelp ? new CryptoThreads(cryptoProvider) : undefined;
}

export function providerFor({ cryptoProvider }: EngineSettings, log: Log): ReturnType<typeof selectProvider> {
  const provider = selectProvider(cryptoProvider);
  for (const name of provider.fallbacks)
    log.warn?.(`crypto: native ${name} failed its self-test, using the pure implementation`);
  return provider;
}
