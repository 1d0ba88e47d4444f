/** The cases that this program fails, by their ids, and why it stays so. No MUST stands here; the test sees to that. */
export const deviations: ReadonlyMap<string, string> = new Map([
  [
    'version-1.2',
    "Node's HTTP parser knows the minor versions 0 and 1 and no others; a client that speaks another does not exist.",
  ],
  [
    'host-missing-1.0',
    'A request without Host is refused whatever its version: exactly one Host, with a known name, is what the proxy asks for.',
  ],
]);
