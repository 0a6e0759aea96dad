/** The values that a template of a link may name. What is missing leaves the link out. */
export type LinkValues = Readonly<Record<string, string | number | null | undefined>>;

/** The address that a template of the application makes of these values. Undefined where one of them is missing. */
export function linkOut(template: string | null, values: LinkValues): string | undefined {
  if (template === null) return undefined;
  const names = [...template.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  if (names.some((name) => values[name] === undefined || values[name] === null)) return undefined;
  return template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(values[name])));
}

/** A link to another tool. It opens beside the dashboard, and is told nothing of where it was. */
export function LinkOut({
  template,
  values,
  children,
}: {
  template: string | null;
  values: LinkValues;
  children: string;
}) {
  const href = linkOut(template, values);
  if (href === undefined) return null;
  return (
    <a href={href} target="_blank" rel="noreferrer">
      {children}
    </a>
  );
}

/** The id of the trace, in the second part of a `traceparent` of W3C Trace Context. */
export function traceIdOf(traceparent: unknown): string | undefined {
  return typeof traceparent === 'string' ? /^[\da-f]{2}-([\da-f]{32})-/.exec(traceparent)?.[1] : undefined;
}
