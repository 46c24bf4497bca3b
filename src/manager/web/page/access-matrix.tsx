// Who may do what in a share: a row a user, a column a right.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ApiError, ask, pathOf } from "./api.ts";
import { ACCESS, type Access, type ShareDetail } from "./model.ts";
import { Button, Empty, useAction } from "./parts.tsx";
import { t } from "./text.ts";

interface AccessMatrixProps {
  readonly share: ShareDetail;
  readonly etag: string;
  readonly isDisabled: boolean;
  /** The files have changed, by this page or another. */
  readonly onChange: () => Promise<void>;
}

export function AccessMatrix({ share, etag, isDisabled, onChange }: AccessMatrixProps): JSX.Element {
  const [chosen, setChosen] = useState<Readonly<Record<string, Access>>>({});
  const { isBusy, run } = useAction();
  const current = new Map(share.access.map(({ user, access }) => [user, access]));
  const changed = Object.entries(chosen).filter(([user, access]) => current.get(user) !== access);
  if (share.access.length === 0) return <Empty>{t("access.nobody")}</Empty>;
  const save = async (): Promise<string> => {
    try {
      await ask("PUT", pathOf("shares", share.name, "access"), Object.fromEntries(changed), etag);
    } catch (error) {
      if (!(error instanceof ApiError) || !error.isChangedMeanwhile) throw error;
      // The choices stay, beside what holds now.
      await onChange();
      throw new ApiError(error.status, error.code, t("access.changed"));
    }
    await onChange();
    setChosen({});
    return t("access.saved", { name: share.name });
  };
  return (
    <>
      <table class="matrix">
        <caption class="quiet">{t("access.what")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("user")}</th>
            {ACCESS.map((access) => (
              <th key={access} scope="col">
                {t(`access.${access}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {share.access.map(({ user, access }) => (
            <AccessRow
              key={user}
              user={user}
              access={chosen[user] ?? access}
              isDisabled={isDisabled}
              isChanged={changed.some(([name]) => name === user)}
              onChoose={(next) => setChosen({ ...chosen, [user]: next })}
            />
          ))}
        </tbody>
      </table>
      {changed.length > 0 && (
        <div class="actions">
          <Button onPress={() => setChosen({})}>{t("save.discard")}</Button>
          <Button kind="primary" isBusy={isBusy} onPress={() => void run(save)}>
            {t("access.save")}
          </Button>
        </div>
      )}
      <p class="hint">{t("access.admin.hint")}</p>
    </>
  );
}

interface AccessRowProps {
  readonly user: string;
  readonly access: Access;
  readonly isDisabled: boolean;
  readonly isChanged: boolean;
  readonly onChoose: (access: Access) => void;
}

function AccessRow({ user, access, isDisabled, isChanged, onChoose }: AccessRowProps): JSX.Element {
  return (
    <tr class={isChanged ? "edited" : undefined}>
      <th scope="row">{user}</th>
      {ACCESS.map((one) => (
        <td key={one}>
          <label>
            <input
              type="radio"
              name={`access ${user}`}
              checked={access === one}
              disabled={isDisabled}
              aria-label={t("access.label", { user, access: t(`access.${one}`) })}
              onChange={() => onChoose(one)}
            />
          </label>
        </td>
      ))}
    </tr>
  );
}
