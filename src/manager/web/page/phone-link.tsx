// The address of a share for a phone or tablet, as a code for its camera and as a link.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { encode } from "uqr";
import { visitor } from "./api.ts";
import { useCell } from "./cell.ts";
import { Dialog } from "./dialog.tsx";
import { status } from "./live.ts";
import type { Share } from "./model.ts";
import { Button, Field } from "./parts.tsx";
import { useResource } from "./resource.ts";
import { t } from "./text.ts";

interface PhoneLinkProps {
  readonly user: string;
  readonly onClose: () => void;
}

export function PhoneLink({ user, onClose }: PhoneLinkProps): JSX.Element {
  const { answer } = useResource<readonly Share[]>("shares", []);
  const [share, setShare] = useState("");
  const port = useCell(status)?.port;
  const link = linkFor(user, share, port);
  return (
    <Dialog title={t("phone.title", { name: user })} onClose={onClose}>
      <p>{t("phone.what")}</p>
      <Field label={t("phone.share")}>
        {(attributes) => (
          <select {...attributes} value={share} onChange={(event) => setShare(event.currentTarget.value)}>
            <option value="">{t("phone.share.all")}</option>
            {answer?.value.map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        )}
      </Field>
      <QrCode text={link} label={t("phone.code")} />
      <p class="path">
        <a href={link}>{link}</a>
      </p>
      <p class="hint">{t("phone.how.apple")}</p>
      <p class="hint">{t("phone.how.android")}</p>
      <div class="actions end">
        <Button kind="primary" onPress={onClose}>
          {t("close")}
        </Button>
      </div>
    </Dialog>
  );
}

/** Of SMB; what addresses without a port mean. */
const USUAL_PORT = 445;
const LOOPBACK = /^(?:localhost|127\..*|\[::1\])$/;

/** The host is the one that this page came from, but where that is this machine by itself. */
function linkFor(user: string, share: string, port = USUAL_PORT): string {
  const own = visitor.value.state === "in" ? `${visitor.value.serverName.toLowerCase()}.local` : "";
  const host = LOOPBACK.test(location.hostname) ? own : location.hostname;
  const place = port === USUAL_PORT ? host : `${host}:${port}`;
  return `smb://${encodeURIComponent(user)}@${place}/${encodeURIComponent(share)}`;
}

/** Dark modules on light in both themes: cameras read nothing else. */
function QrCode({ text, label }: { readonly text: string; readonly label: string }): JSX.Element {
  const { data, size } = encode(text, { border: 4 });
  const path = data
    .flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : "")))
    .join("");
  return (
    <svg
      class="qr"
      role="img"
      aria-label={label}
      viewBox={`0 0 ${size} ${size}`}
      shape-rendering="crispEdges"
    >
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}
