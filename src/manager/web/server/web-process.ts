// The process of the web page: gets its plan from the server, confines itself, serves clients, and ends when
// nobody has been connected for a while.
import { eventLoop } from "../../../loop/event-loop.ts";
import { describeApi } from "../../control/openapi.ts";
import { ControlError } from "../../control/protocol.ts";
import { VERSION } from "../../version.ts";
import { FIRST_LISTENER_FD, type ToProcess, type WebPlan } from "../link-messages.ts";
import { answerApi, answerError, answerMetrics } from "./api-answers.ts";
import { confine } from "./confine.ts";
import { Connections } from "./connections.ts";
import { IdleEnd } from "./idle-end.ts";
import type { HttpAnswer, HttpRequest } from "./http-connection.ts";
import { DESCRIPTION, methodsAt, METRICS } from "./methods.ts";
import { answerPage } from "./page-answers.ts";
import { judgeRequest } from "./request-rules.ts";
import { ServerLink } from "./server-link.ts";

/** Resolves to the exit status. */
export function runWebProcess(): Promise<number> {
  if (!eventLoop.open()) return Promise.resolve(1);
  return new Promise((resolve) => new WebProcess(resolve).start());
}

class WebProcess {
  private readonly end: (status: number) => void;
  private readonly link: ServerLink;
  private names: ReadonlySet<string> = new Set();
  private connections: Connections | undefined;
  private readonly idle: IdleEnd;

  constructor(end: (status: number) => void) {
    this.end = end;
    this.idle = new IdleEnd(() => end(0));
    this.link = new ServerLink({
      take: (message) => this.take(message),
      ended: () => end(0),
    });
  }

  start(): void {
    const report = (error: unknown): void => this.report(error);
    process.on("uncaughtException", report);
    process.on("unhandledRejection", report);
    if (!this.link.start()) this.end(1);
  }

  private report(error: unknown): void {
    this.link.send({ say: describe(error) });
  }

  /** A fault of ours in the handling of one request ends its connection, which else would wait for good. */
  private failed(error: unknown, answer: HttpAnswer): void {
    this.report(error);
    answer.cut();
  }

  private take(message: ToProcess): void {
    if ("plan" in message) this.serveOrEnd(message.plan);
    else if ("stop" in message) this.finish();
  }

  private serveOrEnd(plan: WebPlan): void {
    try {
      this.serve(plan);
    } catch (error) {
      this.report(error);
      this.end(1);
    }
  }

  private serve(plan: WebPlan): void {
    this.names = new Set(plan.names);
    const tls = { cert: plan.certificate, key: plan.key };
    const connections = new Connections(
      tls,
      (request, answer) => void this.handle(request, answer).catch((error) => this.failed(error, answer)),
      () => this.idle.review(connections.size),
    );
    this.connections = connections;
    // The runtime calls listen(2) once more, which is forbidden afterwards. Nobody is accepted before this
    // function returns.
    for (let index = 0; index < plan.listeners; index++) connections.accept(FIRST_LISTENER_FD + index);
    this.link.send({ ready: confine(plan.identity) });
    this.idle.review(connections.size);
  }

  private finish(): void {
    this.connections?.finish();
    this.idle.finish();
  }

  private async handle(request: HttpRequest, answer: HttpAnswer): Promise<void> {
    if (this.connections?.admitRequest(request.remoteAddress) === false)
      return answerError(answer, new ControlError("too many requests, wait a second", "too-many"));
    const ruling = judgeRequest(request, this.names);
    if (ruling?.status === 308) return answer.send(308, { Location: ruling.to });
    if (ruling !== undefined) {
      const body = { error: ruling.text, code: "forbidden" };
      return answer.send(ruling.status, { "Content-Type": "application/json" }, JSON.stringify(body));
    }
    const { method, path } = request;
    const methods = methodsAt(path);
    const allow = { Allow: methods.join(", ") };
    if (methods.length > 0 && method === "OPTIONS") return answer.send(204, allow);
    if (methods.length > 0 && !methods.includes(method))
      return answerError(answer, new ControlError(`use ${methods.join(" or ")}`, "wrong-method"), allow);
    if (path === METRICS) return answerMetrics(this.link, request, answer);
    if (!path.startsWith("/api/")) return answerPage(request, answer);
    if (path !== DESCRIPTION) return answerApi(this.link, request, answer);
    answer.send(200, { "Content-Type": "application/json" }, JSON.stringify(describeApi(VERSION)));
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
