// The parts that the views are made of.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Icon } from "./icons.tsx";
import { tell, tellFault } from "./notice.ts";
import { wordsOf } from "./resource.ts";
import { formatBytes, formatPercent, t } from "./text.ts";

export function Brand({ serverName }: { readonly serverName: string }): JSX.Element {
  return (
    <p class="brand">
      <Icon name="mark" />
      <span>{serverName}</span>
    </p>
  );
}

interface PageProps {
  readonly title: string;
  readonly intro?: string;
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** A view with its heading, which has the focus after navigation. */
export function Page({ title, intro, actions, children }: PageProps): JSX.Element {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  useEffect(() => {
    document.title = t("page.title", { title });
  }, [title]);
  return (
    <>
      <div class="page-head">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {actions !== undefined && <div class="actions">{actions}</div>}
      </div>
      {intro !== undefined && <p class="intro">{intro}</p>}
      {children}
    </>
  );
}

interface LoadedProps {
  readonly fault: string | undefined;
  readonly isLoaded: boolean;
  readonly children: ComponentChildren;
}

/** What was loaded; before that, that it is under way or why it failed. */
export function Loaded({ fault, isLoaded, children }: LoadedProps): JSX.Element {
  return (
    <>
      {fault !== undefined && <Fault>{fault}</Fault>}
      {isLoaded ? children : fault === undefined && <p class="quiet late">{t("loading")}</p>}
    </>
  );
}

export function Fault({ children }: { readonly children: ComponentChildren }): JSX.Element {
  return (
    <p class="box fault" role="alert">
      {children}
    </p>
  );
}

export function Empty({ children }: { readonly children: ComponentChildren }): JSX.Element {
  return <p class="empty">{children}</p>;
}

type BadgeKind = "good" | "warn" | "bad" | "plain";

export function Badge(props: {
  readonly kind?: BadgeKind;
  readonly children: ComponentChildren;
}): JSX.Element {
  return <span class={`badge ${props.kind ?? "plain"}`}>{props.children}</span>;
}

interface ButtonProps {
  readonly onPress: () => void;
  readonly kind?: "primary" | "danger" | "plain";
  readonly isBusy?: boolean;
  readonly isDisabled?: boolean;
  /** Where the text alone does not say which of many. */
  readonly label?: string;
  readonly children: ComponentChildren;
}

export function Button({ onPress, kind = "plain", isBusy, isDisabled, label, children }: ButtonProps) {
  return (
    <button
      type="button"
      class={`button ${kind}`}
      aria-label={label}
      aria-busy={isBusy === true}
      disabled={isDisabled === true || isBusy === true}
      onClick={onPress}
    >
      {children}
    </button>
  );
}

export function Submit(props: {
  readonly isBusy: boolean;
  readonly kind?: "primary" | "danger";
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <button
      type="submit"
      class={`button ${props.kind ?? "primary"}`}
      disabled={props.isBusy}
      aria-busy={props.isBusy}
    >
      {props.children}
    </button>
  );
}

interface FieldProps {
  readonly label: string;
  readonly hint?: string | undefined;
  readonly fault?: string | undefined;
  /** Gets the attributes that tie it to its label, hint and fault. */
  readonly children: (attributes: FieldAttributes) => ComponentChildren;
}

export interface FieldAttributes {
  readonly id: string;
  readonly "aria-describedby": string | undefined;
  readonly "aria-invalid": boolean;
}

export function Field({ label, hint, fault, children }: FieldProps): JSX.Element {
  const id = useId();
  const described = [hint && `${id}-hint`, fault && `${id}-fault`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, "aria-describedby": described || undefined, "aria-invalid": fault !== undefined })}
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {fault !== undefined && (
        <p class="hint bad" id={`${id}-fault`} role="alert">
          {fault}
        </p>
      )}
    </div>
  );
}

interface TextFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onValue: (value: string) => void;
  readonly hint?: string | undefined;
  readonly fault?: string | undefined;
  readonly type?: "text" | "password";
  readonly autocomplete?: string;
  readonly isRequired?: boolean;
  readonly maxLength?: number;
}

/** The types of Preact tell the kinds of input apart by literals. */
const PASSWORD = { type: "password" } as const;
const TEXT = { type: "text" } as const;

export function TextField(props: TextFieldProps): JSX.Element {
  const { label, value, onValue, hint, fault, type = "text", maxLength = 1024 } = props;
  return (
    <Field label={label} hint={hint} fault={fault}>
      {(attributes) => (
        <input
          {...attributes}
          {...(type === "password" ? PASSWORD : TEXT)}
          value={value}
          maxLength={maxLength}
          required={props.isRequired === true}
          autocomplete={props.autocomplete ?? "off"}
          autocapitalize="off"
          spellcheck={false}
          onInput={(event) => onValue(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

export function CheckField(props: {
  readonly label: string;
  readonly hint?: string;
  readonly isOn: boolean;
  readonly onValue: (isOn: boolean) => void;
}): JSX.Element {
  const id = useId();
  return (
    <div class="check">
      <input
        id={id}
        type="checkbox"
        checked={props.isOn}
        aria-describedby={props.hint === undefined ? undefined : `${id}-hint`}
        onChange={(event) => props.onValue(event.currentTarget.checked)}
      />
      <label for={id}>{props.label}</label>
      {props.hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {props.hint}
        </p>
      )}
    </div>
  );
}

/** How full a disk is. */
export function SpaceBar(props: { readonly total: number; readonly free: number; readonly label: string }) {
  const used = Math.max(0, props.total - props.free);
  const part = props.total === 0 ? 0 : used / props.total;
  const words = t("disk.space", {
    free: formatBytes(props.free),
    total: formatBytes(props.total),
    percent: formatPercent(part),
  });
  const level = part > 0.95 ? "bad" : part > 0.85 ? "warn" : "good";
  return (
    <div class="space">
      <svg
        class={`bar ${level}`}
        role="img"
        aria-label={`${props.label}: ${words}`}
        viewBox="0 0 100 4"
        preserveAspectRatio="none"
      >
        <rect class="bar-track" width="100" height="4" />
        <rect class="bar-fill" width={Math.max(0.5, part * 100)} height="4" />
      </svg>
      <span class="quiet">{words}</span>
    </div>
  );
}

/** What a button does at the server: `run` says what to tell then; a refusal is told as it came. */
export function useAction(): {
  readonly isBusy: boolean;
  readonly run: (work: () => Promise<string | undefined>) => Promise<boolean>;
} {
  const [isBusy, setBusy] = useState(false);
  const run = async (work: () => Promise<string | undefined>): Promise<boolean> => {
    setBusy(true);
    try {
      const done = await work();
      if (done !== undefined) tell(done);
      return true;
    } catch (error) {
      tellFault(wordsOf(error));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { isBusy, run };
}
