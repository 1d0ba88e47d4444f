/**
 * Describes, as a clause, why Node's parser rejected a message.
 *
 * @param code llhttp's, such as `HPE_INVALID_METHOD`, or Node's own
 * @returns `undefined` for a code that says no more than that it is not HTTP
 */
export function parserFault(code: string): string | undefined {
  return faults[code];
}

const lineEnd = 'a line does not end as HTTP has it, with CR and LF';

const faults: Readonly<Record<string, string>> = {
  HPE_INVALID_METHOD: 'the first line does not begin with a method of HTTP',
  HPE_INVALID_URL: 'the address in the first line holds a character that none may',
  HPE_INVALID_VERSION: 'the first line does not name a version of HTTP/1',
  HPE_INVALID_CONSTANT: 'the first line is none of HTTP',
  HPE_INVALID_STATUS: 'the status is no number of three digits',
  HPE_INVALID_HEADER_TOKEN: 'a header holds a character that none may',
  HPE_HEADER_OVERFLOW: 'the headers are too large',
  HPE_INVALID_CONTENT_LENGTH: 'Content-Length is not one number',
  HPE_UNEXPECTED_CONTENT_LENGTH: 'Content-Length stands there twice, or beside Transfer-Encoding',
  HPE_INVALID_TRANSFER_ENCODING: 'Transfer-Encoding does not end with "chunked", or stands beside Content-Length',
  HPE_INVALID_CHUNK_SIZE: 'the size of a chunk is no hexadecimal number',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'the extensions of a chunk are too long',
  HPE_LF_EXPECTED: lineEnd,
  HPE_CR_EXPECTED: lineEnd,
  HPE_STRICT: lineEnd,
  HPE_UNEXPECTED_SPACE: 'a header line begins with a space',
  HPE_CLOSED_CONNECTION: 'more came behind a request that was to be the last of its connection',
  HPE_INVALID_EOF_STATE: 'the connection was closed in the middle of the message',
  ERR_HTTP_REQUEST_TIMEOUT: 'the request did not arrive in time',
};
