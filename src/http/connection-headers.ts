const OF_CONNECTION: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'upgrade',
  'http2-settings',
  'te',
  'trailer',
  'expect',
]);

/**
 * Whether a header says how a request travels: to whom, how long it is, what becomes of the connection. Such
 * a header is set by who sends, because another one could put a second request into the first, or lead it
 * elsewhere.
 */
export function isConnectionHeader(name: string): boolean {
  const small = name.toLowerCase();
  return OF_CONNECTION.has(small) || small.startsWith('proxy-');
}
