import type { Exchange } from '../exchange.ts';
import type { ApiPath } from '../maas/api-path.ts';
import { ownOrigin } from './location.ts';

/**
 * The largest description that is rewritten, bytes; MAAS's has about half a megabyte. A larger one passes unchanged.
 */
export const maxDescription = 8 * 1024 * 1024;

/** Changes the text of a response. */
export type Rewrite = (text: string) => string;

/**
 * MAAS describes its API with its own absolute addresses. Older MAAS CLIs and python-libmaas follow the `uri`s of
 * `describe/`, and generated clients the `servers` of `openapi.yaml`: past the proxy, unsigned. Both are rewritten to
 * the proxy's address. The `hash` of `describe/` is computed without `uri` and stays valid.
 *
 * @returns rewrites the body; `undefined` if it passes unchanged
 */
export function descriptionRewrite(exchange: Exchange, apiPath: ApiPath, status: number): Rewrite | undefined {
  const { segments } = apiPath;
  if (status !== 200 || exchange.method !== 'GET' || segments.length !== 1) return undefined;
  const { origin, path } = ownOrigin(exchange, apiPath);
  if (segments[0] === 'describe') {
    return (text) =>
      text.replaceAll(
        /("uri": ?")https?:\/\/[^"/]+(?:\/[^"]*?)?\/MAAS\/api\/2\.0(?=[/"])/g,
        (_, before: string) => `${before}${origin}${path}`,
      );
  }
  if (segments[0] === 'openapi.yaml') {
    return (text) =>
      text.replace(
        /(^servers:\n(?:[ -].*\n)*?[ -]+url: ['"]?)https?:\/\/[^'"/\s]+(?:\/[^'"\s]*?)?\/MAAS\/api\/2\.0/m,
        (_, before: string) => `${before}${origin}${path}`,
      );
  }
  return undefined;
}
