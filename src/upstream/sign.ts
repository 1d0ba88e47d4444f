import { signerOf, type Interceptor } from './handler.ts';
import type { Signer } from '../maas/signature.ts';

/**
 * The last interceptor before the connection: signs each attempt just before it is sent. No other interceptor ever sees
 * the secret, and each retry gets a nonce of its own.
 *
 * Requests that a gateway lets pass without a key, and those that MAAS takes only unsigned, are sent as they are.
 *
 * @param shared the signer for clients without a key of their own, called for each attempt
 * @param now the time by MAAS's clock, in whole seconds since 1970
 */
export function sign(shared: () => Signer, now: () => number): Interceptor {
  return (dispatch) => (request, handler) => {
    if (request.call !== undefined) request.call.trace.attempts += 1;
    const signer = signerOf(request, shared);
    if (signer === undefined) dispatch(request, handler);
    else dispatch({ ...request, headers: [...request.headers, 'Authorization', signer(now())] }, handler);
  };
}
