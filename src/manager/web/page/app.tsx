// The page's first module: finds out who is logged on, and shows the log-on, the first-run wizard or the
// views.
import { type JSX, render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { findSession, visitor } from "./api.ts";
import { useCell } from "./cell.ts";
import { followVisitor } from "./languages.ts";
import { startStream } from "./live.ts";
import { LogOn } from "./log-on.tsx";
import { Button, Fault } from "./parts.tsx";
import { wordsOf } from "./resource.ts";
import { followAddress } from "./route.ts";
import { Setup } from "./setup.tsx";
import { Shell } from "./shell.tsx";
import { t } from "./text.ts";

function App(): JSX.Element {
  const current = useCell(visitor);
  const [fault, setFault] = useState<string>();
  const begin = (): void => {
    setFault(undefined);
    findSession().catch((error: unknown) => setFault(wordsOf(error)));
  };
  useEffect(begin, []);
  switch (current.state) {
    case "unknown":
      return (
        <main class="alone">
          {fault === undefined ? <p class="quiet late">{t("loading")}</p> : <Fault>{fault}</Fault>}
          {fault !== undefined && <Button onPress={begin}>{t("live.retry")}</Button>}
        </main>
      );
    case "out":
      return current.firstRun ? (
        <Setup serverName={current.serverName} />
      ) : (
        <LogOn serverName={current.serverName} isExpired={current.isExpired} />
      );
    case "in":
      return <Shell user={current.user} serverName={current.serverName} />;
  }
}

await followVisitor(navigator.languages);
followAddress();
startStream();
render(<App />, document.body);
