// A page of LuCI in a browser: waits, clicks and types as a user does.
import { findProgram } from "../../tools.ts";

const TIMEOUT_MS = 10_000;
const WIDTH = 1000;
const HEIGHT = 760;

export class Browser {
  /** What the pages wrote as errors to the console. */
  readonly faults: string[] = [];
  private readonly view: Bun.WebView;

  /** Throws where no Chromium is installed. */
  constructor() {
    const path = findProgram("chromium-headless-shell");
    if (path === null) throw new Error("chromium-headless-shell is missing, install its package");
    this.view = new Bun.WebView({
      // Chromium refuses its sandbox to root.
      backend: { type: "chrome", path, argv: ["--no-sandbox", "--disable-dev-shm-usage"] },
      width: WIDTH,
      height: HEIGHT,
      console: (type: string, ...words: unknown[]) => {
        if (type === "error") this.faults.push(words.map(String).join(" "));
      },
    });
  }

  /** Resolves when the view is drawn. */
  async open(url: string): Promise<void> {
    await this.view.navigate(url);
    await this.until("document.querySelector('#view') && !document.querySelector('#view > .spinning')");
    await this.until("document.querySelector('#tabmenu li.active')");
  }

  evaluate<T>(expression: string): Promise<T> {
    return this.view.evaluate(expression) as Promise<T>;
  }

  /** Waits until the expression is true in the page. Throws after a while. */
  async until(expression: string): Promise<void> {
    const end = performance.now() + TIMEOUT_MS;
    // While another page is loaded, nothing can be evaluated.
    while (!(await this.evaluate<boolean>(`Boolean(${expression})`).catch(() => false))) {
      if (performance.now() > end) throw new Error(`waited in vain for ${expression}`);
      await Bun.sleep(50);
    }
  }

  /** Clicks the button with this text, the `index`th of those in `scope`. */
  async press(text: string, scope = "body", index = 0): Promise<void> {
    const find =
      `[...document.querySelectorAll('${scope} button')]` +
      `.filter((one) => one.innerText.trim() === ${JSON.stringify(text)})[${index}]`;
    await this.until(find);
    await this.evaluate(`${find}.setAttribute('data-press', '')`);
    await this.view.scrollTo("[data-press]", { block: "nearest" });
    await this.view.click("[data-press]");
    await this.evaluate("document.querySelector('[data-press]')?.removeAttribute('data-press')");
  }

  /** Types into the field, after what it has. */
  async type(selector: string, text: string): Promise<void> {
    await this.until(`document.querySelector(${JSON.stringify(selector)})`);
    await this.view.click(selector);
    await this.view.type(text);
    // LuCI checks a field when it is left.
    await this.evaluate(`document.querySelector(${JSON.stringify(selector)}).blur()`);
  }

  async clear(selector: string): Promise<void> {
    await this.evaluate(`document.querySelector(${JSON.stringify(selector)}).value = ''`);
  }

  textOf(selector: string): Promise<string> {
    return this.evaluate(`document.querySelector(${JSON.stringify(selector)})?.innerText ?? ''`);
  }

  async picture(file: string): Promise<void> {
    await Bun.write(file, await this.view.screenshot());
  }

  close(): void {
    this.view.close();
  }
}
