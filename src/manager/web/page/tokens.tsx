// Tokens with which other programs, such as Home Assistant, use the API.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ask, pathOf } from "./api.ts";
import { Dialog, FormDialog } from "./dialog.tsx";
import type { Token } from "./model.ts";
import { Badge, Button, CheckField, Empty, Loaded, TextField } from "./parts.tsx";
import { useResource } from "./resource.ts";
import { t } from "./text.ts";

type Step =
  | { readonly what: "make" }
  | { readonly what: "show"; readonly token: string }
  | { readonly what: "remove"; readonly token: Token };

export function Tokens(): JSX.Element {
  const { answer, fault, reload } = useResource<readonly Token[]>("tokens", []);
  const [step, setStep] = useState<Step>();
  const close = (): void => setStep(undefined);
  return (
    <section class="card" aria-labelledby="tokens-head">
      <h2 id="tokens-head">{t("tokens.title")}</h2>
      <p class="hint">{t("tokens.what")}</p>
      <Loaded fault={fault} isLoaded={answer !== undefined}>
        {answer?.value.length === 0 && <Empty>{t("tokens.none")}</Empty>}
        <ul class="plain">
          {answer?.value.map((token) => (
            <li key={token.id} class="row">
              <span>
                {token.name} {token.isReadOnly && <Badge>{t("token.read-only")}</Badge>}
              </span>
              <Button
                onPress={() => setStep({ what: "remove", token })}
                label={t("token.remove.title", { name: token.name })}
              >
                {t("token.remove")}
              </Button>
            </li>
          ))}
        </ul>
      </Loaded>
      <Button onPress={() => setStep({ what: "make" })}>{t("token.make")}</Button>
      {step?.what === "make" && (
        <MakeToken
          // After it was made, the token is what is shown.
          onClose={() => setStep((now) => (now?.what === "make" ? undefined : now))}
          onMade={(token) => {
            setStep({ what: "show", token });
            void reload();
          }}
        />
      )}
      {step?.what === "show" && (
        <Dialog title={t("token.made")} onClose={close}>
          <p>{t("token.once")}</p>
          <p class="path">
            <code>{step.token}</code>
          </p>
          <div class="actions end">
            <Button kind="primary" onPress={close}>
              {t("close")}
            </Button>
          </div>
        </Dialog>
      )}
      {step?.what === "remove" && (
        <FormDialog
          title={t("token.remove.title", { name: step.token.name })}
          verb={t("token.remove")}
          isDangerous
          onClose={close}
          onSubmit={async () => {
            await ask("DELETE", pathOf("tokens", step.token.id));
            void reload();
            return t("token.removed", { name: step.token.name });
          }}
        >
          <p>{t("token.remove.what")}</p>
        </FormDialog>
      )}
    </section>
  );
}

interface MakeTokenProps {
  readonly onClose: () => void;
  readonly onMade: (token: string) => void;
}

function MakeToken({ onClose, onMade }: MakeTokenProps): JSX.Element {
  const [name, setName] = useState("");
  const [isReadOnly, setReadOnly] = useState(true);
  const submit = async (): Promise<undefined> => {
    const { value } = await ask<{ readonly token: string }>("POST", "tokens", { name, isReadOnly });
    onMade(value.token);
  };
  return (
    <FormDialog title={t("token.make")} verb={t("token.make")} onClose={onClose} onSubmit={submit}>
      <TextField label={t("token.name")} value={name} onValue={setName} isRequired maxLength={64} />
      <CheckField label={t("token.read-only.check")} isOn={isReadOnly} onValue={setReadOnly} />
    </FormDialog>
  );
}
