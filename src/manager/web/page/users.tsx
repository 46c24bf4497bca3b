// The accounts: adding one, a new password, removing one, and the way in for a phone.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ask, pathOf, visitor } from "./api.ts";
import { useCell } from "./cell.ts";
import { FormDialog } from "./dialog.tsx";
import { Icon } from "./icons.tsx";
import type { User } from "./model.ts";
import { Badge, Button, CheckField, Empty, Loaded, Page, TextField } from "./parts.tsx";
import { PhoneLink } from "./phone-link.tsx";
import { useResource } from "./resource.ts";
import { t } from "./text.ts";

type Step =
  { readonly what: "add" } | { readonly what: "password" | "remove" | "phone"; readonly user: User };

export function Users(): JSX.Element {
  const { answer, fault, reload } = useResource<readonly User[]>("users", ["users", "configuration"]);
  const [step, setStep] = useState<Step>();
  const close = (): void => setStep(undefined);
  const etag = answer?.etag;
  const own = useCell(visitor);
  return (
    <Page
      title={t("users.title")}
      intro={t("users.intro")}
      actions={
        <Button kind="primary" isDisabled={answer === undefined} onPress={() => setStep({ what: "add" })}>
          {t("user.add")}
        </Button>
      }
    >
      <Loaded fault={fault} isLoaded={answer !== undefined}>
        {answer?.value.length === 0 && <Empty>{t("users.none")}</Empty>}
        <ul class="cards rows">
          {answer?.value.map((user) => (
            <UserCard key={user.name} user={user} onStep={(what) => setStep({ what, user })} />
          ))}
        </ul>
      </Loaded>
      {step?.what === "add" && <PasswordForm etag={etag} onClose={close} onDone={reload} />}
      {step?.what === "password" && (
        <PasswordForm etag={etag} name={step.user.name} onClose={close} onDone={reload} />
      )}
      {step?.what === "phone" && <PhoneLink user={step.user.name} onClose={close} />}
      {step?.what === "remove" && (
        <FormDialog
          title={t("user.remove.title", { name: step.user.name })}
          verb={t("user.remove")}
          isDangerous
          onClose={close}
          onSubmit={async () => {
            await ask("DELETE", pathOf("users", step.user.name), undefined, etag);
            void reload();
            return t("user.removed", { name: step.user.name });
          }}
        >
          <p>{t("user.remove.what")}</p>
          {own.state === "in" && own.user === step.user.name && (
            <p class="box warn">{t("user.remove.self")}</p>
          )}
        </FormDialog>
      )}
    </Page>
  );
}

interface UserCardProps {
  readonly user: User;
  readonly onStep: (what: "password" | "remove" | "phone") => void;
}

function UserCard({ user: { name, isAdmin, isStored }, onStep }: UserCardProps): JSX.Element {
  return (
    <li class="card">
      <h2>
        {name} {isAdmin && <Badge>{t("user.admin")}</Badge>}
      </h2>
      <div class="actions">
        <Button onPress={() => onStep("phone")} label={t("user.phone.label", { name })}>
          <Icon name="phone" />
          {t("user.phone")}
        </Button>
        {isStored && (
          <>
            <Button onPress={() => onStep("password")} label={t("user.password.title", { name })}>
              {t("user.password")}
            </Button>
            <Button onPress={() => onStep("remove")} label={t("user.remove.title", { name })}>
              {t("user.remove")}
            </Button>
          </>
        )}
      </div>
    </li>
  );
}

interface PasswordFormProps {
  /** Of an account that exists. */
  readonly name?: string;
  readonly etag: string | undefined;
  readonly onClose: () => void;
  readonly onDone: () => Promise<unknown>;
}

function PasswordForm({ name, etag, onClose, onDone }: PasswordFormProps): JSX.Element {
  const [newName, setNewName] = useState("");
  const [password, setPassword] = useState("");
  const [isShown, setShown] = useState(false);
  const submit = async (): Promise<string> => {
    if (name === undefined) await ask("POST", "users", { name: newName, password }, etag);
    else await ask("PUT", pathOf("users", name), { password }, etag);
    void onDone();
    return name === undefined ? t("user.added", { name: newName }) : t("user.password.set", { name });
  };
  return (
    <FormDialog
      title={name === undefined ? t("user.add") : t("user.password.title", { name })}
      verb={t(name === undefined ? "user.add" : "save")}
      onClose={onClose}
      onSubmit={submit}
    >
      {name === undefined && (
        <TextField
          label={t("user.name")}
          hint={t("user.name.hint")}
          value={newName}
          onValue={setNewName}
          isRequired
          maxLength={64}
        />
      )}
      <TextField
        label={t("password.new")}
        hint={t("password.hint")}
        type={isShown ? "text" : "password"}
        value={password}
        onValue={setPassword}
        autocomplete="new-password"
        isRequired
        maxLength={128}
      />
      <CheckField label={t("password.show")} isOn={isShown} onValue={setShown} />
    </FormDialog>
  );
}
