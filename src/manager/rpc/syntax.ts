// How an interface or a transfer syntax is named: identifier and version. C706 appendix N, p_syntax_id_t.
export interface SyntaxName {
  /** Canonical text, lower case. */
  readonly uuid: string;
  readonly major: number;
  readonly minor: number;
}
