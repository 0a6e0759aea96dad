/** What a path is compared by that has parameters. */
export interface RoutePattern {
  readonly regExp: RegExp;
  /** The names of the parameters, in the order of the groups of `regExp`. */
  readonly names: readonly string[];
}

/**
 * The pattern by which Express compares the path of a request with that of a route: `:name` is a part of
 * one segment, `*name` goes over several, and what stands in braces may be absent. Only the prefix of an
 * application has more than `:name`.
 */
export function routePattern(path: string, how: { caseSensitive?: boolean; strict?: boolean }): RoutePattern {
  const names: string[] = [];
  const source = path.replace(/([:*])(\w+)|[{}]|[^\w/]/g, (found, kind?: string, name?: string) => {
    if (name !== undefined) {
      names.push(name);
      return kind === ':' ? '([^/]+?)' : '(.+?)';
    }
    if (found === '{') return '(?:';
    return found === '}' ? ')?' : `\\${found}`;
  });
  const end = how.strict === true ? '' : '/?';
  return { regExp: new RegExp(`^${source}${end}$`, how.caseSensitive === true ? '' : 'i'), names };
}

/** The parameters of a path that fits the pattern. Undefined if it does not. */
export function parametersOf(
  { regExp, names }: RoutePattern,
  path: string,
): Record<string, string> | undefined {
  const found = regExp.exec(path);
  if (found === null) return undefined;
  return Object.fromEntries(names.map((name, place) => [name, decoded(found[place + 1] ?? '')]));
}

/** A parameter of a route as Express reads it. It refuses what cannot be read. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
