import type { FastifyServerOptions } from 'fastify';

/**
 * No route here has a schema. Therefore Fastify does not need to load its schema compilers: a hundred modules that took
 * a tenth of a second at the start and 8 MB of memory.
 */
export const noSchemas: NonNullable<FastifyServerOptions['schemaController']> = {
  compilersFactory: { buildValidator: refuse, buildSerializer: refuse },
};

function refuse(): never {
  throw new Error('a route with a schema');
}
