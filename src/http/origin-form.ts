/** A request target in origin form; a server must accept the absolute form too (RFC 9112 §3.2.2). */
export function originForm(target: string): string {
  const absolute = /^https?:\/\/[^/?#]*/i.exec(target);
  if (absolute === null) return target;
  const path = target.slice(absolute[0].length);
  return path.startsWith('/') ? path : `/${path}`;
}
