import type { CodeContract } from './contract-review.js';
import type { AnyEventContract } from './event-contract.js';
import type { JsonSchema } from './schemas/event-schema.js';

export interface AsyncApiOptions {
  /** The title of the document. The default is `Events`. */
  title?: string | undefined;
  /** The version of the document. The default is `1.0.0`. */
  version?: string | undefined;
  description?: string | undefined;
  /** Which contracts it has: all of them (the default), or the public ones. */
  visibility?: 'all' | 'public' | undefined;
}

/** An AsyncAPI document of version 3. */
export type AsyncApiDocument = Readonly<Record<string, unknown>> & { readonly asyncapi: '3.0.0' };

const CONTENT_TYPE = 'application/json';

/**
 * Writes contracts as an AsyncAPI document. A channel is the name of an event, a message is one version of
 * it. The same contracts give the same document, whatever the order in which they were added.
 */
export function asyncApiOf(
  contracts: readonly CodeContract[],
  options: AsyncApiOptions = {},
): AsyncApiDocument {
  const shown = contracts
    .filter(({ contract }) => options.visibility !== 'public' || contract.visibility === 'public')
    .sort((a, b) => compare(a.kept.name, b.kept.name) || a.kept.version - b.kept.version);
  const names = [...new Set(shown.map(({ kept }) => kept.name))];
  const ofName = (name: string) => shown.filter(({ kept }) => kept.name === name);
  const withSchema = shown.filter(({ kept }) => kept.schema !== null);
  return {
    asyncapi: '3.0.0',
    info: {
      title: options.title ?? 'Events',
      version: options.version ?? '1.0.0',
      ...(options.description !== undefined && { description: options.description }),
    },
    defaultContentType: CONTENT_TYPE,
    channels: Object.fromEntries(names.map((name) => [keyOf(name), channelOf(name, ofName(name))])),
    operations: Object.fromEntries(names.flatMap((name) => operationsOf(name, ofName(name)))),
    components: {
      messages: Object.fromEntries(shown.map((each) => [partOf(each), messageOf(each)])),
      schemas: Object.fromEntries(withSchema.map((each) => [partOf(each), schemaOf(each)])),
    },
  };
}

function channelOf(name: string, versions: readonly CodeContract[]): object {
  const messages = versions.map((each) => [partOf(each), { $ref: `#/components/messages/${partOf(each)}` }]);
  return { address: name, messages: Object.fromEntries(messages) };
}

function operationsOf(name: string, versions: readonly CodeContract[]): [string, object][] {
  const { direction } = newestOf(versions);
  const key = keyOf(name);
  const actions =
    direction === 'bidirectional' ? ['send', 'receive'] : [direction === 'inbound' ? 'receive' : 'send'];
  return actions.map((action) => [
    `${action}.${key}`,
    {
      action,
      channel: { $ref: `#/channels/${key}` },
      messages: versions.map((each) => ({ $ref: `#/channels/${key}/messages/${partOf(each)}` })),
    },
  ]);
}

function newestOf(versions: readonly CodeContract[]): AnyEventContract {
  return (versions.at(-1) as CodeContract).contract;
}

function messageOf(one: CodeContract): object {
  const { contract, kept } = one;
  const { name, version, description, category, severity, examples, deprecated, retired, visibility } =
    contract;
  return {
    name,
    title: `${name}, version ${version}`,
    ...(description !== undefined && { description }),
    contentType: CONTENT_TYPE,
    ...(kept.schema !== null && { payload: { $ref: `#/components/schemas/${partOf(one)}` } }),
    ...(category !== undefined && { tags: [{ name: category }] }),
    ...(examples.length > 0 && { examples: examples.map((payload) => ({ payload: plain(payload) })) }),
    'x-event-version': version,
    'x-visibility': visibility,
    ...(severity !== undefined && { 'x-severity': severity }),
    ...(deprecated && { 'x-deprecated': true }),
    ...(retired && { 'x-retired': true }),
  };
}

/** References within a schema lead to where the schema stands in the document. */
function schemaOf(one: CodeContract): unknown {
  const { $schema: _draft, ...schema } = one.kept.schema as JsonSchema;
  return moved(schema, `#/components/schemas/${partOf(one)}`);
}

function moved(part: unknown, to: string): unknown {
  if (Array.isArray(part)) return part.map((each) => moved(each, to));
  if (typeof part !== 'object' || part === null) return part;
  return Object.fromEntries(
    Object.entries(part).map(([key, value]) => [
      key,
      key === '$ref' && typeof value === 'string' && value.startsWith('#')
        ? `${to}${value.slice(1)}`
        : moved(value, to),
    ]),
  );
}

/** The name of a part of the document: letters, digits, dots, hyphens and underscores. */
export function keyOf(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9._-]/g, (character) => `_${character.codePointAt(0)?.toString(16)}_`);
}

function partOf({ kept }: CodeContract): string {
  return `${keyOf(kept.name)}.v${kept.version}`;
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
