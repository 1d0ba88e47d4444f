import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Exchange } from '../exchange.ts';
import { sendOwn } from './send-own.ts';

/** The files of the page, with their types. */
const types: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
  'icon.svg': 'image/svg+xml',
};

/** What a browser may take, the best first, and how a file that is compressed so ends. */
const codings = [
  { coding: 'br', ending: '.br' },
  { coding: 'gzip', ending: '.gz' },
] as const;

interface Asset {
  readonly content: Buffer;
  readonly etag: string;
}

const assets = new Map<string, Promise<Asset | undefined>>();

/**
 * Sends a file of the page, compressed where the browser takes that. Files are read when they are first asked for.
 *
 * @returns whether there is such a file; none where the page was not built
 */
export async function sendAsset(exchange: Exchange, name: string): Promise<boolean> {
  const type = Object.hasOwn(types, name) ? types[name] : undefined;
  if (type === undefined) return false;
  const accepted = String(exchange.request.headers['accept-encoding'] ?? '');
  const chosen = codings.find(({ coding }) =>
    new RegExp(`\\b${coding}\\b(?!\\s*;\\s*q=0(?:\\.0*)?\\s*(?:,|$))`).test(accepted),
  );
  const asset = await load(`${name}${chosen?.ending ?? ''}`);
  if (asset === undefined) return false;
  const headers = {
    'Content-Type': type,
    'Cache-Control': 'no-cache',
    ETag: asset.etag,
    Vary: name === 'index.html' ? 'Accept, Accept-Encoding' : 'Accept-Encoding',
    ...(chosen !== undefined && { 'Content-Encoding': chosen.coding }),
  };
  const known = exchange.request.headers['if-none-match'];
  if (known?.includes(asset.etag) === true) sendOwn(exchange, 304, headers, '');
  else sendOwn(exchange, 200, headers, asset.content);
  return true;
}

function load(file: string): Promise<Asset | undefined> {
  let asset = assets.get(file);
  if (asset === undefined) {
    asset = readAsset(file);
    assets.set(file, asset);
  }
  return asset;
}

async function readAsset(file: string): Promise<Asset | undefined> {
  try {
    const content = await readFile(new URL(`assets/${file}`, import.meta.url));
    const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
    return { content, etag };
  } catch {
    return undefined;
  }
}
