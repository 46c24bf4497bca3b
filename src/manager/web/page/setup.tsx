// The first run on a board: a code that only its owner has, the first account, and a folder to share.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ApiError, ask, logOn } from "./api.ts";
import { Brand, Button, CheckField, Fault, Page, Submit, TextField } from "./parts.tsx";
import { wordsOf } from "./resource.ts";
import { t } from "./text.ts";

const STEPS = ["code", "account", "share"] as const;

interface Entries {
  readonly code: string;
  readonly user: string;
  readonly password: string;
  readonly hasShare: boolean;
  readonly share: string;
  readonly path: string;
}

export function Setup({ serverName }: { readonly serverName: string }): JSX.Element {
  const [at, setAt] = useState(0);
  const [fault, setFault] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const [entries, setEntries] = useState<Entries>({
    code: "",
    user: "",
    password: "",
    hasShare: true,
    share: t("setup.share.default"),
    path: "",
  });
  const step = STEPS[at] ?? "code";
  const finish = async (): Promise<void> => {
    const { code, user, password, hasShare, share, path } = entries;
    setBusy(true);
    try {
      await ask("POST", "setup", { code, user, password, ...(hasShare && { share: { name: share, path } }) });
      await logOn(user, password);
    } catch (error) {
      setFault(wordsOf(error));
      // The first step has what was wrong.
      if (error instanceof ApiError && error.code === "forbidden") setAt(0);
    } finally {
      setBusy(false);
    }
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    setFault(undefined);
    if (at + 1 < STEPS.length) setAt(at + 1);
    else void finish();
  };
  return (
    <main class="alone">
      <Brand serverName={serverName} />
      <Page key={step} title={t(`setup.${step}`)} intro={t(`setup.${step}.what`)}>
        <p class="quiet">{t("setup.step", { at: at + 1, all: STEPS.length })}</p>
        {fault !== undefined && <Fault>{fault}</Fault>}
        <form onSubmit={submit}>
          <StepFields
            step={step}
            entries={entries}
            onChange={(more) => setEntries({ ...entries, ...more })}
          />
          <div class="actions end">
            {at > 0 && <Button onPress={() => setAt(at - 1)}>{t("setup.back")}</Button>}
            <Submit isBusy={isBusy}>{t(at + 1 < STEPS.length ? "setup.next" : "setup.finish")}</Submit>
          </div>
        </form>
      </Page>
    </main>
  );
}

interface StepFieldsProps {
  readonly step: (typeof STEPS)[number];
  readonly entries: Entries;
  readonly onChange: (more: Partial<Entries>) => void;
}

function StepFields({ step, entries, onChange }: StepFieldsProps): JSX.Element {
  switch (step) {
    case "code":
      return (
        <TextField
          label={t("setup.code.label")}
          hint={t("setup.code.hint")}
          value={entries.code}
          onValue={(code) => onChange({ code })}
          isRequired
          maxLength={64}
        />
      );
    case "account":
      return (
        <>
          <TextField
            label={t("user.name")}
            hint={t("user.name.hint")}
            value={entries.user}
            onValue={(user) => onChange({ user })}
            autocomplete="username"
            isRequired
            maxLength={64}
          />
          <TextField
            label={t("password.new")}
            hint={t("password.hint")}
            type="password"
            value={entries.password}
            onValue={(password) => onChange({ password })}
            autocomplete="new-password"
            isRequired
            maxLength={128}
          />
        </>
      );
    case "share":
      return (
        <>
          <CheckField
            label={t("setup.share.check")}
            isOn={entries.hasShare}
            onValue={(hasShare) => onChange({ hasShare })}
          />
          {entries.hasShare && (
            <>
              <TextField
                label={t("share.name")}
                value={entries.share}
                onValue={(share) => onChange({ share })}
                isRequired
                maxLength={80}
              />
              <TextField
                label={t("share.path")}
                hint={t("share.path.hint")}
                value={entries.path}
                onValue={(path) => onChange({ path })}
                isRequired
              />
            </>
          )}
        </>
      );
  }
}
