import type { FastifyServerOptions } from 'fastify';

/**
 * No route of ours has a schema. Told so, Fastify does not load what would compile one: a hundred modules, which took a tenth of
 * a second at the start and 8 MB of memory.
 */
export const noSchemas: NonNullable<FastifyServerOptions['schemaController']> = {
  compilersFactory: { buildValidator: refuse, buildSerializer: refuse },
};

function refuse(): never {
  throw new Error('a route with a schema');
}
