/**
 * How binding a rule is. `OURS` is a rule of this program's own contract, which no other program has to follow.
 * Rules that RFC 9110 writes for a "proxy" alone count as SHOULD: what is tested here are gateways (RFC 9110 §3.7).
 */
export type Level = 'MUST' | 'SHOULD' | 'MAY' | 'OURS';

/**
 * One exchange over raw sockets. All texts are bytes, one for each character (latin1). In `send`, `{host}` stands for
 * the address and port of the program under test, `{port}` for its port; in what MAAS's side sends, `{target}` stands for
 * the target of the request.
 */
export interface Case {
  readonly id: string;
  readonly title: string;
  /** Where the rule stands. */
  readonly section: string;
  readonly level: Level;
  /** What the client does; a text is sent at once. */
  readonly send: string | readonly ClientStep[];
  /** What MAAS's side does with each request, the last one for all that follow; by default a small 200. */
  readonly maas?: readonly MaasAnswer[];
  /** When MAAS's side answers: after the whole request, or after its header section. */
  readonly maasAnswersAfter?: 'request' | 'head';
  /** The methods of the requests, where there is another than the first line says: a HEAD answer has no body. */
  readonly methods?: readonly string[];
  /** What may come of it: one of these. */
  readonly expect: readonly Outcome[];
  /** What a reader should know. */
  readonly note?: string;
}

/** What a client does, one after the other. */
export type ClientStep =
  | { readonly send: string }
  /** Waits for so many answers. */
  | { readonly awaitAnswers: number }
  /** Waits for an interim answer with this status; where the final one comes instead, the client sends no more. */
  | { readonly awaitInterim: number }
  /** Waits until MAAS's side has received this text. */
  | { readonly awaitMaas: string }
  /** Sends no more, but goes on reading. */
  | { readonly halfClose: true }
  /** Resets the connection. */
  | { readonly abort: true };

/** What MAAS's side does; a text is sent at once. */
export type MaasAnswer = string | readonly MaasStep[];

export type MaasStep =
  | { readonly send: string }
  /** Does nothing for so many ms: time to see that something does not happen. */
  | { readonly hold: number }
  | { readonly close: true }
  | { readonly reset: true };

/** What may come of a case, on both sides. */
export interface Outcome {
  /** In a word or two. */
  readonly label: string;
  /** The answers that the client gets, in this order and no more; left out where any will do. */
  readonly client?: readonly AnswerExpected[];
  /** No answer tells of success. */
  readonly noSuccess?: true;
  /** What the client gets, where it is no HTTP/1. */
  readonly clientBytes?: RegExp;
  /**
   * What has become of the client's connection. It counts as closed, too, where the program reads on for a while but
   * answers no further request.
   */
  readonly connection?: 'open' | 'closed';
  /** The requests that reach MAAS's side whole; a part of one counts for none. */
  readonly maas?: readonly RequestExpected[];
  /** The least number of requests, where there may be more (a read may be sent again). */
  readonly maasAtLeast?: number;
  /** No request reaches MAAS's side before the one before it was answered. */
  readonly maasInTurn?: true;
}

/** An answer as the client should get it. */
export interface AnswerExpected {
  readonly status?: number | readonly number[];
  readonly statusLine?: RegExp;
  readonly body?: string | RegExp;
  /** Fields that are there, exactly once. */
  readonly has?: Readonly<Record<string, string | RegExp>>;
  readonly lacks?: readonly string[];
  /** The values of fields with one name, in order, joined by `, `. */
  readonly joined?: Readonly<Record<string, string | RegExp>>;
  /** The statuses of interim answers before it; none by default. */
  readonly interim?: readonly number[];
  /** The transfer breaks off, visibly. */
  readonly broken?: true;
}

/** A request as MAAS's side should receive it. That it is well-formed and unambiguous is always asked for. */
export interface RequestExpected {
  readonly method?: string;
  readonly target?: string | RegExp;
  readonly version?: string;
  readonly body?: string;
  /** Fields that are there, exactly once. */
  readonly has?: Readonly<Record<string, string | RegExp>>;
  readonly lacks?: readonly string[];
  /** The values of fields with one name, in order, joined by `, `. */
  readonly joined?: Readonly<Record<string, string | RegExp>>;
  /** The transfer coding, where it may be another than `chunked`. */
  readonly transferEncoding?: string;
}
