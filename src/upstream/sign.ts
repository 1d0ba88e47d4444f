import { signerOf, type Interceptor } from './handler.ts';
import type { Signer } from '../maas/signature.ts';

/**
 * The last link before the connection: signs each attempt where its bytes leave. Nothing above it ever sees the secret,
 * and a retry above it gets a nonce of its own.
 *
 * What a gateway lets pass without a key, and what MAAS answers to nobody with one, is sent as it is.
 *
 * @param shared the signer of those who have no key of their own, asked for each attempt
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
