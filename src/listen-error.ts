/** Says in a sentence why the proxy cannot listen. */
export class ListenError extends Error {
  override name = 'ListenError';
}
