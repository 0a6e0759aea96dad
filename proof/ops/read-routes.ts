import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** A route that reads, with values in the place of what its path and its query need. */
export interface ReadRoute {
  /** Such as `dead-letters/groups`. */
  readonly name: string;
  /** The path with its query. */
  readonly path: string;
  /** Whether it answers in pages. */
  readonly isList: boolean;
  /** The parameters of its query that may be left out. */
  readonly optional: readonly string[];
  /** All values of the parameters that only take some. */
  readonly choices: Readonly<Record<string, readonly string[]>>;
}

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly schema: { readonly enum?: readonly string[] };
}

interface Document {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { parameters?: Parameter[]; 'x-part'?: string }>>>
  >;
}

/** Values by the name of a parameter, by the beginning of the path and the name (`operations/id`), or by all of both. */
export type ValuesOfParameters = Readonly<Record<string, string>>;

/** The stream does not end. A rehearsal is one row by its key, and the application of the proof has none. */
const UNREAD = ['/stream', '/events/{id}/rehearsals/{rehearsal}'];

const DOCUMENT = fileURLToPath(import.meta.resolve('nestjs-integration/admin/openapi.json'));

/**
 * Every route of the engine that reads, but for `UNREAD`. A new route gets in by itself. Routes of
 * parts are left out, because the application of the proof has none.
 */
export async function readRoutes(values: ValuesOfParameters): Promise<ReadRoute[]> {
  const { paths } = JSON.parse(await readFile(DOCUMENT, 'utf8')) as Document;
  return Object.entries(paths).flatMap(([template, methods]) => {
    const get = methods.get;
    if (get === undefined || get['x-part'] !== undefined || UNREAD.includes(template)) return [];
    const parameters = get.parameters ?? [];
    const [, resource = ''] = template.split('/');
    const given = (name: string) => {
      const value = values[`${template.slice(1)}/${name}`] ?? values[`${resource}/${name}`] ?? values[name];
      if (value === undefined)
        throw new Error(`nothing is known to put in the place of ${name} in ${template}`);
      return encodeURIComponent(value);
    };
    const query = parameters
      .filter((parameter) => parameter.in === 'query' && parameter.required === true)
      .map(({ name }) => `${name}=${given(name)}`);
    const path = template.replace(/\{(\w+)\}/g, (_, name: string) => given(name));
    return [
      {
        name: template.slice(1),
        path: query.length === 0 ? path : `${path}?${query.join('&')}`,
        isList: parameters.some(({ name }) => name === 'after'),
        optional: parameters
          .filter((parameter) => parameter.in === 'query' && parameter.required !== true)
          .map(({ name }) => name),
        choices: Object.fromEntries(parameters.map(({ name, schema }) => [name, schema.enum ?? []])),
      },
    ];
  });
}

/** The path with one more parameter in its query. */
export function withParameter(path: string, name: string, value: string | number): string {
  return `${path}${path.includes('?') ? '&' : '?'}${name}=${encodeURIComponent(value)}`;
}
