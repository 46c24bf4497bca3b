// The log-on.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { logOn } from "./api.ts";
import { Brand, Fault, Page, Submit, TextField } from "./parts.tsx";
import { wordsOf } from "./resource.ts";
import { t } from "./text.ts";

interface LogOnProps {
  readonly serverName: string;
  /** The visitor was logged on a moment ago. */
  readonly isExpired: boolean;
}

export function LogOn({ serverName, isExpired }: LogOnProps): JSX.Element {
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [fault, setFault] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setFault(undefined);
    try {
      await logOn(user, password);
    } catch (error) {
      setFault(wordsOf(error));
      setPassword("");
    } finally {
      setBusy(false);
    }
  };
  return (
    <main class="alone">
      <Brand serverName={serverName} />
      <Page title={t("logon.title")} intro={t(isExpired ? "logon.expired" : "logon.intro")}>
        {fault !== undefined && <Fault>{fault}</Fault>}
        <form onSubmit={(event) => void submit(event)}>
          <TextField
            label={t("user.name")}
            value={user}
            onValue={setUser}
            autocomplete="username"
            isRequired
          />
          <TextField
            label={t("password")}
            type="password"
            value={password}
            onValue={setPassword}
            autocomplete="current-password"
            isRequired
          />
          <div class="actions">
            <Submit isBusy={isBusy}>{t("logon")}</Submit>
          </div>
        </form>
        <p class="quiet">{t("logon.who")}</p>
      </Page>
    </main>
  );
}
