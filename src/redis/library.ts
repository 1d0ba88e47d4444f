import type { Redis } from 'ioredis';
import { ConfigurationError } from '../config/configuration-error.ts';
import { systemErrorCode } from '../system/system-error.ts';

/** What is wrong where a Redis is set and the package that speaks to it is missing, and what to do. */
export const missingLibrary = {
  detail: 'the package ioredis is not installed',
  remedy:
    'Install it beside maas-auth-proxy: npm install ioredis@6 (npm install --global ioredis@6 where maas-auth-proxy is ' +
    'installed globally).',
} as const;

/**
 * Loads the library that speaks to Redis. It is an optional peer dependency: most proxies have no Redis, and need
 * neither its eight packages on their disk nor its memory.
 *
 * @param setBy the settings that may say where Redis is, for the sentence
 * @throws {ConfigurationError} where it is not installed
 */
export async function loadRedisLibrary(setBy = 'REDIS_URL or REDIS_URL_FILE'): Promise<typeof Redis> {
  try {
    return (await import('ioredis')).Redis;
  } catch (error) {
    if (!isNotFound(error)) throw error;
    const { detail, remedy } = missingLibrary;
    throw new ConfigurationError([`A Redis is set (${setBy}), but ${detail}. ${remedy}`]);
  }
}

function isNotFound(error: unknown): boolean {
  return systemErrorCode(error) === 'ERR_MODULE_NOT_FOUND';
}
