import type { MaasAddress, Regions } from '../../maas/maas-address.ts';
import { Problem } from '../../problem.ts';
import { sendOwnRequest } from '../own-requests/own-request.ts';
import { fieldOf } from '../../http/fields.ts';
import {
  ForwardingHandler,
  isReplayable,
  type Controller,
  type Interceptor,
  type ResponseHead,
  type UpstreamDispatch,
  type UpstreamHandler,
  type UpstreamRequest,
} from '../handler.ts';
import { brokenConnection, errorCode, outOfDescriptors, toProblem } from '../errors.ts';
import { isRegionDown, regionDown } from './region-down.ts';
import { createRegion, type Region } from './region.ts';

/** The state of one of several region controllers. */
export interface RegionState {
  /** The address of its API. */
  readonly href: string;
  /** Why it is ejected; `undefined` while it is healthy. */
  readonly lastError: Problem | undefined;
  /** When it last responded, ms since 1970. */
  readonly lastResponseAt: number | undefined;
}

/** The region controllers of one MAAS. */
export interface RegionBalancer {
  readonly interceptor: Interceptor;
  /** Their states, in the order of the settings. */
  states(): readonly RegionState[];
  /** Probes each of them. */
  probe(): Promise<void>;
  /** Stops the probes. */
  close(): void;
}

/**
 * Chooses among several regions, and moves on to the next if one fails and nothing can run twice:
 * - Reads are distributed round robin over the healthy regions. A read whose region fails, or is down, moves on to the
 *   next immediately.
 * - Writes go to the first healthy region, because the chunks of an upload must arrive at one region. A write moves on
 *   only if no byte of it was sent.
 *
 * A region that cannot be reached, or is down, is ejected. Ejected regions are tried last, so that no request is
 * refused while a region may work.
 *
 * @param dispatchUnsigned sends a request without a signature
 * @param pseudonym the name of the proxy in `Via`
 * @param onChange called when a region is ejected, with the reason, and when it is back
 */
export function createRegions(
  addresses: Regions,
  dispatchUnsigned: UpstreamDispatch,
  pseudonym: string,
  onChange: (maas: MaasAddress, lastError: Problem | undefined) => void,
): RegionBalancer {
  const [first] = addresses;
  const regions = addresses.map((maas) =>
    // Of the requests that need no signature, this one costs MAAS the least.
    createRegion(
      maas,
      () => sendOwnRequest(dispatchUnsigned, maas, '/version/', { pseudonym }),
      (lastError) => onChange(maas, lastError),
    ),
  );
  let next = 0;

  function inOrder(isRead: boolean): Region[] {
    const healthy = regions.filter(({ lastError }) => lastError === undefined);
    const ejected = regions.filter(({ lastError }) => lastError !== undefined);
    if (!isRead) return [...healthy, ...ejected];
    next = (next + 1) % regions.length;
    const at = healthy.length === 0 ? 0 : next % healthy.length;
    return [...healthy.slice(at), ...healthy.slice(0, at), ...ejected];
  }

  return {
    interceptor: (dispatch) => (request, handler) => {
      const isRead = request.method === 'GET' || request.method === 'HEAD';
      const course: Attempts = {
        dispatch,
        request,
        isRead,
        path: request.path.slice(first.apiPath.length),
        left: inOrder(isRead),
      };
      tryNext(course, handler);
    },
    states: () =>
      regions.map(({ maas, lastError, lastResponseAt }) => ({ href: maas.href, lastError, lastResponseAt })),
    probe: async () => void (await Promise.all(regions.map((region) => region.probe()))),
    close() {
      for (const region of regions) region.close();
    },
  };
}

/** The shared state of one request's attempts. */
interface Attempts {
  readonly dispatch: UpstreamDispatch;
  readonly request: UpstreamRequest;
  readonly isRead: boolean;
  /** The path below the API's root, and the query. */
  readonly path: string;
  /** The regions that have not been tried, in order. */
  readonly left: Region[];
}

function tryNext(course: Attempts, handler: UpstreamHandler): void {
  const region = course.left.shift();
  if (region === undefined) throw new Error('a request for which no region is left');
  const { origin, apiPath } = region.maas;
  const request = { ...course.request, origin, path: apiPath + course.path };
  course.dispatch(request, new RegionHandler(handler, course, region));
}

class RegionHandler extends ForwardingHandler {
  readonly #course: Attempts;
  readonly #region: Region;
  readonly #wasEjected: boolean;
  #isSent = false;
  #hasResponse = false;
  /** The request has moved on to another region; what this one still sends is discarded. */
  #hasMovedOn = false;
  #controller: Controller | undefined;
  #stopWaiting: (() => void) | undefined;

  constructor(next: UpstreamHandler, course: Attempts, region: Region) {
    super(next);
    this.#course = course;
    this.#region = region;
    this.#wasEjected = region.lastError !== undefined;
  }

  override onRequestStart(controller: Controller): void {
    this.#isSent = true;
    this.#controller = controller;
    super.onRequestStart(controller);
    if (this.#course.isRead) this.#stopWaiting = this.#region.onWaiting(() => this.#giveUp());
  }

  override onResponseStart(controller: Controller, head: ResponseHead): void {
    const { status, fields } = head;
    if (status >= 200) {
      this.#hasResponse = true;
      this.#stopWaiting?.();
      const isDown = isRegionDown(status, (name) => fieldOf(fields, name));
      if (!isDown) this.#region.onResponse(this.#wasEjected);
      // A 504 may mean that this one request takes too long.
      else if (status === 504) void this.#region.probe();
      else this.#region.eject(regionDown(status));
      // Another region may be less busy.
      if (this.#course.isRead && (isDown || status === 503) && this.#moveOn()) return;
      const { call } = this.#course.request;
      if (call !== undefined) call.trace.region = this.#region.maas;
    }
    super.onResponseStart(controller, head);
  }

  override onResponseData(controller: Controller, chunk: Buffer): void {
    if (!this.#hasMovedOn) super.onResponseData(controller, chunk);
  }

  override onResponseEnd(controller: Controller): void {
    if (!this.#hasMovedOn) super.onResponseEnd(controller);
  }

  override onResponseError(error: Error): void {
    this.#stopWaiting?.();
    if (this.#hasMovedOn) return;
    // A problem is the proxy's own, such as a client that has disconnected.
    if (this.#hasResponse || error instanceof Problem || !this.#isRegionFault(error)) super.onResponseError(error);
    else if (!((this.#course.isRead || !this.#isSent) && this.#moveOn())) super.onResponseError(error);
  }

  /** Whether an error is the region's fault; if so, the region is ejected or probed. */
  #isRegionFault(error: Error): boolean {
    const code = errorCode(error);
    if (outOfDescriptors.test(code)) return false;
    if (this.#isSent) {
      // What is not HTTP comes from no region either.
      if (!brokenConnection.test(code) && !code.startsWith('HPE_')) return false;
      // It may be a connection that ended while it was idle.
      void this.#region.probe();
    } else {
      this.#region.eject(toProblem(error));
    }
    return true;
  }

  #giveUp(): void {
    if (this.#moveOn()) this.#controller?.abort(new Error('the request goes on to another region'));
  }

  #moveOn(): boolean {
    if (this.#course.left.length === 0 || !isReplayable(this.#course.request)) return false;
    this.#hasMovedOn = true;
    // Not synchronously: undici is still cleaning up after the failed attempt.
    queueMicrotask(() => tryNext(this.#course, this.next));
    return true;
  }
}
