import type { Dispatcher } from 'undici';
import { type UpstreamRequest } from './forwarding-handler.ts';
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
export function sign(shared: () => Signer, now: () => number): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) => {
    const { exchange, signer: given } = options as UpstreamRequest;
    if (exchange !== undefined) exchange.attempts += 1;
    if (given === undefined && exchange?.isUnsigned === true) return dispatch(options, handler);
    const signer = given ?? exchange?.client?.signer ?? shared();
    const headers = [...(options.headers as string[]), 'Authorization', signer(now())];
    return dispatch({ ...options, headers }, handler);
  };
}
