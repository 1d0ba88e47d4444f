import type { Dispatcher } from 'undici';
import { Attempt, type Sending } from './attempt.ts';

/** What MAAS's answers have shown, those to clients and those to the proxy's own questions. */
export interface Health {
  /** When MAAS last answered, ms since 1970; `undefined` before. */
  readonly lastAnswerAt: number | undefined;
  /**
   * Since when, by `performance.now()`, it is last known that MAAS answers and takes the shared key; `-Infinity` where an answer, or none,
   * has cast doubt on that since.
   */
  readonly wellAt: number;
}

/** MAAS answers these whatever the signature is. */
const anonymous = /\/api\/2\.0\/(?:version\/|describe\/|openapi\.yaml)/;

/** Takes note of MAAS's answers, so that nobody has to ask it while it answers others. */
export function createHealth(): { readonly health: Health; readonly link: Dispatcher.DispatcherComposeInterceptor } {
  const health = { lastAnswerAt: undefined as number | undefined, wellAt: -Infinity };

  class Watched extends Attempt {
    readonly #tells: boolean;

    constructor(next: Dispatcher.DispatchHandler, tells: boolean) {
      super(next);
      this.#tells = tells;
    }

    override onHeaders(status: number, rawHeaders: Buffer[], resume: () => void, statusText: string): boolean {
      if (status === 502 || status === 504) {
        health.wellAt = -Infinity; // the words of MAAS's web server, not of MAAS
      } else if (status >= 200) {
        health.lastAnswerAt = Date.now();
        if (this.#tells) health.wellAt = status === 401 ? -Infinity : performance.now();
      }
      return super.onHeaders(status, rawHeaders, resume, statusText);
    }

    override onError(error: Error): void {
      // Also when a client has left: that costs one question at the most.
      health.wellAt = -Infinity;
      super.onError(error);
    }
  }

  return {
    health,
    link: (dispatch) => (options, handler) => {
      const { exchange, signer, path } = options as Sending;
      // It tells nothing of the key, and whoever has none changes nothing of what the proxy says of itself.
      if (signer === undefined && exchange?.isUnsigned === true) return dispatch(options, handler);
      const isShared = signer === undefined && exchange?.client?.signer === undefined;
      return dispatch(options, new Watched(handler, isShared && !anonymous.test(path)));
    },
  };
}
