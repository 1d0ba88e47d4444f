import { DEMO_ADMIN_KEY } from '../../src/simulator/simulator.ts';
import { nodeLane } from './node-lane.ts';

const env = ({ port, originPort }: { readonly port: number; readonly originPort: number }): Record<string, string> => ({
  PORT: String(port),
  ORIGIN: `http://127.0.0.1:${originPort}`,
  KEY: DEMO_ADMIN_KEY,
});

/** `node:http` and undici by hand, signing and nothing else: what everything on Node is measured by. */
export const floor = nodeLane({ name: 'bare floor', file: new URL('./floor-server.js', import.meta.url), env });

/** What one gets from @fastify/http-proxy as it is, without a log. */
export const httpProxy = nodeLane({
  name: '@fastify/http-proxy',
  file: new URL('./http-proxy-server.js', import.meta.url),
  env,
});
