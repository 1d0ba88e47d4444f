// Bundles the page for the browser, and compresses it once at build time.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const here = new URL('./', import.meta.url);
const assets = new URL('../../../dist/src/page/assets/', import.meta.url);

// A tree of packages from before the page has no bundler; the proxy works without the page, and says how to get it.
const { build } = await import('esbuild-wasm').catch((error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
  process.stderr.write(
    'The page for the browser is not built: esbuild-wasm is not installed. Run npm ci, and build again.\n',
  );
  process.exit(0);
});
rmSync(assets, { recursive: true, force: true });
mkdirSync(assets, { recursive: true });
await build({
  absWorkingDir: here.pathname,
  entryPoints: ['page=main.tsx', 'admin=admin/main.tsx', 'page=page.css', 'admin=admin/admin.css'].map((pair) => {
    const [out, file] = pair.split('=');
    return { out, in: file };
  }),
  outdir: assets.pathname,
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2023',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  logLevel: 'warning',
});
for (const name of ['index.html', 'admin.html', 'icon.svg']) copyFileSync(new URL(name, here), new URL(name, assets));
for (const name of readdirSync(assets)) {
  const content = readFileSync(new URL(name, assets));
  writeFileSync(new URL(`${name}.gz`, assets), gzipSync(content, { level: 9 }));
  writeFileSync(new URL(`${name}.br`, assets), brotliCompressSync(content));
}
