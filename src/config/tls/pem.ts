/** The certificates of a text in PEM (RFC 7468 §5.1), each with its first and last line. */
export function certificateBlocks(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/gs) ?? [];
}
