/** A link and its parameters. The parameters have no value, a token, or a quoted text. */
const LINK = /<([^<>]*)>((?:\s*;\s*[^\s=;,"]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]*))?)*)/g;
const PARAMETER = /;\s*([^\s=;,"]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?/g;

/** The target of the first link with the relation `next` in a header `Link` (RFC 8288). */
export function nextLink(header: string | string[] | undefined): string | undefined {
  for (const [, target = '', parameters = ''] of [header ?? ''].flat().join(', ').matchAll(LINK)) {
    for (const [, name = '', quoted, token = ''] of parameters.matchAll(PARAMETER)) {
      if (name.toLowerCase() !== 'rel') continue;
      // The first rel of a link counts, and it may name several relations.
      const relations = (quoted?.replace(/\\(.)/g, '$1') ?? token).toLowerCase().split(/\s+/);
      if (relations.includes('next') && target !== '') return target;
      break;
    }
  }
  return undefined;
}
