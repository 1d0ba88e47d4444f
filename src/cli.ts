#!/usr/bin/env node
// Loads nothing before Node's version is checked: an older Node fails on the syntax of the other files, with an error
// of its own.

/** The oldest supported version of Node, the same as `engines` in package.json. */
const needed = [20, 18, 1] as const;

if (isOlder(process.versions.node.split('.').map(Number))) {
  process.stderr.write(
    `maas-auth-proxy needs Node.js ${needed.join('.')} or newer, and this is ${process.versions.node}: install a newer one (https://nodejs.org), or call another "node".\n`,
  );
  process.exitCode = 2;
} else {
  import('./commands/main.ts').then(
    ({ main }) => main(),
    () => {
      process.stderr.write(
        'maas-auth-proxy is not installed whole: install it anew, or in a clone run "npm ci && npm run build".\n',
      );
      process.exitCode = 1;
    },
  );
}

function isOlder(version: readonly number[]): boolean {
  for (const [index, least] of needed.entries()) {
    const number = version[index] ?? 0;
    if (number !== least) return number < least;
  }
  return false;
}
