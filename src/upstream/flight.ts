import { createHash, type Hash } from 'node:crypto';
import type { Dispatcher } from 'undici';
import { whose } from '../whose.ts';
import { rawHeader, type Listener, type Sending } from './attempt.ts';
import { isForAll } from './question.ts';
import { unlessMatched, withEtag, withoutCondition } from './validation.ts';
import { rawFields, replay, type WholeAnswer } from './whole-answer.ts';

/** The largest answer that is given to several, bytes: the machines of a large MAAS (3,500 of them). */
const maxShared = 16 * 1024 * 1024;

/** Memory that answers are held in, counted for all flights together. */
export interface Hold {
  bytes: number;
  /** How much there may be, bytes. */
  readonly room: number;
}

/** One who waits for the answer. */
export interface Rider {
  readonly options: Dispatcher.DispatchOptions;
  /** The answer that the client has already. */
  readonly ifNoneMatch: string | undefined;
  readonly handler: Dispatcher.DispatchHandler;
}

interface Head {
  readonly status: number;
  readonly rawHeaders: Buffer[];
  readonly resume: () => void;
  readonly statusText: string;
}

/** What flights have in common. */
export interface FlightPlan {
  /** Sends a request to MAAS. */
  readonly dispatch: Dispatcher['dispatch'];
  readonly hold: Hold;
  /** Told when nobody may join any more. */
  onClosed(flight: Flight): void;
  /** Told of each answer that was read whole; `undefined` where nothing is kept. */
  readonly onWhole: ((flight: Flight, answer: WholeAnswer) => void) | undefined;
}

/**
 * One read under way to MAAS, and all who wait for its answer. They can join until the answer begins.
 *
 * One who waits alone gets the answer as it comes. For several, and to be kept, it is first read whole: so the slow ones hold nobody up, an
 * answer that breaks off is an error for all of them and a broken transfer for none, and there is one copy of it in memory.
 * If it turns out too large for that, or is not meant for all, the first gets it and the others ask for themselves.
 *
 * Nobody is more than a rider: whoever leaves is taken off, also the first, and the request ends when nobody is left.
 */
export class Flight implements Listener {
  readonly text: string;
  /** How many lines there were when it began. */
  readonly line: number;
  /** `performance.now()` then, ms. */
  readonly askedAt = performance.now();
  readonly #plan: FlightPlan;
  readonly #first: Rider;
  #riders: Rider[] = [];
  #abort: ((error?: Error) => void) | undefined;
  #waitFor: ((client: string) => void) | undefined;
  #head: Head | undefined;
  /** The answer so far, while it is read whole. */
  #collected: Buffer[] | undefined;
  #size = 0;
  /** Becomes its `ETag`, where it may be kept. */
  #hash: Hash | undefined;

  constructor(plan: FlightPlan, text: string, line: number, first: Rider) {
    this.#plan = plan;
    this.text = text;
    this.line = line;
    this.#first = first;
  }

  /** Sends the request of the first. */
  begin(): boolean {
    this.join(this.#first);
    const { options, ifNoneMatch } = this.#first;
    if (this.#riders.length === 0) return true;
    return this.#plan.dispatch(ifNoneMatch === undefined ? options : withoutCondition(options), this);
  }

  join(rider: Rider): void {
    this.#riders.push(rider);
    rider.handler.onConnect?.((error) => this.#leave(rider, error));
    this.#takeTurn(rider);
  }

  onWait(abort: (error?: Error) => void, waitFor?: (client: string) => void): void {
    this.onConnect(abort);
    this.#waitFor = waitFor;
    for (const rider of this.#riders) this.#takeTurn(rider);
  }

  onConnect(abort: (error?: Error) => void): void {
    this.#waitFor = undefined;
    this.#abort = abort;
    if (this.#riders.length === 0) abort();
  }

  onHeaders(status: number, rawHeaders: Buffer[], resume: () => void, statusText: string): boolean {
    if (status < 200) {
      if (this.#riders[0] === this.#first) this.#first.handler.onHeaders?.(status, rawHeaders, resume, statusText);
      return true;
    }
    this.#plan.onClosed(this);
    this.#head = { status, rawHeaders, resume, statusText };
    const isKept = this.#plan.onWhole !== undefined && status === 200;
    const isForSeveral = this.#riders.length > 1 || isKept;
    if (!isForSeveral || !isForAll(rawHeaders) || !this.#hasRoom(announced(rawHeaders))) return this.#goOnAlone();
    this.#collected = [];
    if (isKept) this.#hash = createHash('sha256');
    return true;
  }

  onData(chunk: Buffer): boolean {
    if (this.#collected === undefined) return this.#riders[0]?.handler.onData?.(chunk) ?? true;
    this.#collected.push(chunk);
    if (this.#hasRoom(chunk.length)) {
      this.#hash?.update(chunk);
      this.#size += chunk.length;
      this.#plan.hold.bytes += chunk.length;
      return true;
    }
    const begun = Buffer.concat(this.#collected);
    this.#letGo();
    this.#goOnAlone();
    return this.#riders[0]?.handler.onData?.(begun) ?? true;
  }

  onComplete(trailers: string[] | null): void {
    const riders = this.#riders;
    this.#riders = [];
    if (this.#collected === undefined) riders[0]?.handler.onComplete?.(trailers);
    else this.#giveToAll(riders, this.#whole(Buffer.concat(this.#collected)));
  }

  onError(error: Error): void {
    this.#plan.onClosed(this);
    this.#letGo();
    const riders = this.#riders;
    this.#riders = [];
    for (const { handler } of riders) handler.onError?.(error);
  }

  #whole(body: Buffer): WholeAnswer {
    const { status, rawHeaders, statusText } = this.#head as Head;
    const answer: WholeAnswer = { status, statusText, rawHeaders, body, region: this.#region };
    if (this.#hash === undefined) return answer;
    const tagged = withEtag(answer, this.#hash);
    this.#plan.onWhole?.(this, tagged);
    return tagged;
  }

  #giveToAll(riders: readonly Rider[], answer: WholeAnswer): void {
    let reading = riders.length;
    for (const rider of riders) {
      const own = { ...answer, rawHeaders: this.#headersFor(rider, [...answer.rawHeaders]) };
      replay(unlessMatched(own, rider.ifNoneMatch), rider.handler, () => {
        reading -= 1;
        if (reading === 0) this.#letGo();
      });
    }
  }

  /** The first of those who are left gets the answer as it comes; the others ask for themselves. */
  #goOnAlone(): boolean {
    const { status, rawHeaders, resume, statusText } = this.#head as Head;
    const [rider, ...others] = this.#riders;
    if (rider === undefined) return true;
    this.#riders = [rider];
    for (const { options, handler } of others) this.#plan.dispatch(options, handler);
    return rider.handler.onHeaders?.(status, this.#headersFor(rider, rawHeaders), resume, statusText) ?? true;
  }

  /** Whoever has joined is told so (RFC 9211 §2). */
  #headersFor(rider: Rider, rawHeaders: Buffer[]): Buffer[] {
    if (rider === this.#first) return rawHeaders;
    const { exchange } = rider.options as Sending;
    if (exchange !== undefined) {
      exchange.reuse = 'collapsed';
      exchange.region = this.#region;
    }
    return [...rawHeaders, ...rawFields({ 'Cache-Status': 'maas-auth-proxy; fwd=miss; collapsed' })];
  }

  get #region(): WholeAnswer['region'] {
    return (this.#first.options as Sending).exchange?.region;
  }

  /** Who has joined a request of a client whose turn is far off does not wait for that, but for its own. */
  #takeTurn({ options }: Rider): void {
    const { exchange } = options as Sending;
    if (exchange !== undefined) this.#waitFor?.(whose(exchange));
  }

  #leave(rider: Rider, error: Error | undefined): void {
    const at = this.#riders.indexOf(rider);
    if (at === -1) return;
    this.#riders.splice(at, 1);
    if (this.#riders.length === 0) {
      this.#plan.onClosed(this);
      this.#letGo();
      this.#abort?.(error);
    }
    rider.handler.onError?.(error ?? new Error('the client went away'));
  }

  #hasRoom(bytes: number): boolean {
    const { hold } = this.#plan;
    return this.#size + bytes <= maxShared && hold.bytes + bytes <= hold.room;
  }

  #letGo(): void {
    this.#plan.hold.bytes -= this.#size;
    this.#size = 0;
    this.#collected = undefined;
  }
}

/** The length that an answer tells, bytes; 0 where it tells none. */
function announced(rawHeaders: readonly Buffer[]): number {
  const length = Number(rawHeader(rawHeaders, 'content-length') ?? 0);
  return Number.isNaN(length) ? 0 : length;
}
