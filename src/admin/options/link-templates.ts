/** What each template of a link may name. */
const PLACEHOLDERS = {
  trace: ['traceId', 'correlationId', 'eventId'],
  log: ['traceId', 'correlationId', 'eventId'],
  host: ['host', 'pid'],
} as const;

type LinkName = keyof typeof PLACEHOLDERS;

/** The names of the links that an application may give. */
export const LINK_NAMES = Object.keys(PLACEHOLDERS) as readonly LinkName[];

/**
 * Says what is wrong with a template. The dashboard makes a link of it, and puts ids of events into the link.
 * Anybody may have chosen such an id. So it must not decide which site the link leads to, or run code.
 */
export function problemOfTemplate(name: LinkName, template: unknown): string | undefined {
  const known = PLACEHOLDERS[name];
  const example = `"https://example.com/{${known[0]}}"`;
  if (typeof template !== 'string') return `links.${name} must be a text such as ${example}`;
  const used = [...template.matchAll(/\{(\w*)\}/g)].map(([, each = '']) => each);
  const unknown = used.find((each) => !(known as readonly string[]).includes(each));
  if (unknown !== undefined)
    return `links.${name} has {${unknown}}, and only ${known.map((each) => `{${each}}`).join(', ')} can stand there`;
  if (used.length === 0) return `links.${name} names nothing: write it as ${example}`;
  const origin = originOf(template);
  if (origin === undefined || origin.includes('{'))
    return `links.${name} must begin with the address of a site, such as ${example}`;
  return undefined;
}

/** The scheme and the host, which no placeholder may change. */
function originOf(template: string): string | undefined {
  return /^https?:\/\/[^/?#]+(?=[/?#])/.exec(template)?.[0];
}
