// Dialogs: the browser's own element, which keeps the focus inside and gives it back.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Button, Submit, useAction } from "./parts.tsx";
import { t } from "./text.ts";

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

export function Dialog({ title, onClose, children }: DialogProps): JSX.Element {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const opener = document.activeElement;
    element.current?.showModal();
    return () => {
      // An opener that has left the page with what it changed cannot have the focus: the heading has it then.
      const target = opener?.isConnected === true ? opener : document.querySelector("h1");
      if (target instanceof HTMLElement) target.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  );
}

interface FormDialogProps extends DialogProps {
  /** Of the button that carries it out. */
  readonly verb: string;
  readonly isDangerous?: boolean;
  /** Returns what to tell; the dialog closes then. A refusal leaves it open. */
  readonly onSubmit: () => Promise<string | undefined>;
}

export function FormDialog(props: FormDialogProps): JSX.Element {
  const { isBusy, run } = useAction();
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (isBusy) return;
    if (await run(props.onSubmit)) props.onClose();
  };
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <form onSubmit={(event) => void submit(event)}>
        {props.children}
        <div class="actions end">
          <Button onPress={props.onClose}>{t("cancel")}</Button>
          <Submit isBusy={isBusy} kind={props.isDangerous === true ? "danger" : "primary"}>
            {props.verb}
          </Submit>
        </div>
      </form>
    </Dialog>
  );
}
