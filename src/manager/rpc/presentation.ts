// The presentation contexts of an association: which interface a client's context number stands for, and in
// which transfer syntax. C706 12.6.3.1, [MS-RPCE] 3.3.1.5.3 (bind time feature negotiation), 3.3.1.5.4.
import type { MaybePromise } from "../../port/port.ts";
import { findInterface } from "./interfaces.ts";
import type { RpcInterface } from "./interface.ts";
import {
  BindReason,
  BindResult,
  type ContextResult,
  FEATURE_NEGOTIATION_PREFIX,
  NDR20,
  type PresentationContext,
} from "./pdu.ts";

/** Presentation contexts that one association may bind. */
export const MAX_CONTEXTS = 16;

export class Presentation {
  private readonly contexts = new Map<number, RpcInterface>();

  find(id: number): RpcInterface | undefined {
    return this.contexts.get(id);
  }

  clear(): void {
    this.contexts.clear();
  }

  /**
   * The result for each context that BIND or ALTER_CONTEXT offers; a promise where an interface must be
   * loaded.
   */
  negotiate(offered: readonly PresentationContext[]): MaybePromise<ContextResult[]> {
    const found = offered.map(({ abstractSyntax }) => findInterface(abstractSyntax));
    if (found.some((each) => each instanceof Promise)) {
      return Promise.all(found).then((interfaces) =>
        offered.map((context, index) => this.accept(context, interfaces[index])),
      );
    }
    return offered.map((context, index) => this.accept(context, found[index] as RpcInterface | undefined));
  }

  private accept(context: PresentationContext, rpc: RpcInterface | undefined): ContextResult {
    const rejected = (reason: number): ContextResult => ({ result: BindResult.PROVIDER_REJECTION, reason });
    if (!rpc) return rejected(BindReason.ABSTRACT_SYNTAX);
    const isNdr = context.transferSyntaxes.some(
      (syntax) => syntax.uuid === NDR20.uuid && syntax.major === NDR20.major && syntax.minor === NDR20.minor,
    );
    if (!isNdr) {
      // The reason is the mask of features that both sides support; this server supports none.
      const isNegotiation = context.transferSyntaxes[0]?.uuid.startsWith(FEATURE_NEGOTIATION_PREFIX);
      if (isNegotiation) return { result: BindResult.NEGOTIATE_ACK, reason: 0 };
      // NDR64, among others.
      return rejected(BindReason.TRANSFER_SYNTAXES);
    }
    if (this.contexts.size >= MAX_CONTEXTS && !this.contexts.has(context.id)) {
      return rejected(BindReason.LOCAL_LIMIT);
    }
    this.contexts.set(context.id, rpc);
    return { result: BindResult.ACCEPTANCE, reason: BindReason.NOT_SPECIFIED };
  }
}
