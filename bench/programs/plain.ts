import { DEMO_ADMIN_KEY } from '../../src/simulator/simulator.ts';
import { nodeLane } from './node-lane.ts';

const env = ({ port, originPort }: { readonly port: number; readonly originPort: number }): Record<string, string> => ({
  PORT: String(port),
  ORIGIN: `http://127.0.0.1:${originPort}`,
  KEY: DEMO_ADMIN_KEY,
});

/**
 * Written directly on `node:http` and undici; it signs and does nothing else. The baseline for the programs on Node.
 */
export const floor = nodeLane({ name: 'bare floor', file: new URL('./floor-server.js', import.meta.url), env });

/** @fastify/http-proxy as it is, without a log. */
export const httpProxy = nodeLane({
  name: '@fastify/http-proxy',
  file: new URL('./http-proxy-server.js', import.meta.url),
  env,
});
