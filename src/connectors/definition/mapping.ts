import { type EventSchema, isEventSchema } from '../../contracts/schemas/event-schema.js';
import { IntegrationError } from '../../errors.js';
import { problemsOfUnknownNames } from '../../words/known-names.js';
import { type ConnectorModel, isModel } from './model.js';
import './error-codes.js';

/** One field of a record, on both sides. */
export interface MappedField {
  /** The name on the other system's side. */
  source?: string | undefined;
  /** The same for a value that lies deeper: `['supervisor', 'id']`. */
  sourcePath?: readonly string[] | undefined;
  /** The name in the model. */
  target: string;
  /** Makes the value of the model. It gets the whole record as its second argument. */
  // biome-ignore lint/suspicious/noExplicitAny: records of other systems have any values
  transform?: ((value: any, record: any) => unknown) | undefined;
  /** Makes the value of the other system again. */
  // biome-ignore lint/suspicious/noExplicitAny: the same
  reverse?: ((value: any, record: any) => unknown) | undefined;
}

export interface MappingOptions {
  /** What the other system's records are. Records that do not fit are set aside. */
  from: EventSchema;
  to: ConnectorModel;
  /** Default: in. */
  direction?: 'in' | 'out' | 'both' | undefined;
  fields: readonly MappedField[];
}

/** How records of another system become records of a model, and back. */
export interface Mapping {
  readonly from: EventSchema;
  readonly to: ConnectorModel;
  readonly direction: 'in' | 'out' | 'both';
  /** A record of the model. Fields that the other system's record does not have are left out. */
  forward(record: unknown): Record<string, unknown>;
  /** The fields of the other system's record that the mapping knows. */
  reverse(record: unknown): Record<string, unknown>;
}

const MAPPINGS = new WeakSet<object>();
const FIELDS = ['source', 'sourcePath', 'target', 'transform', 'reverse'];

/**
 * Says how records of another system become records of a model.
 *
 * ```ts
 * export const EmployeeMapping = defineMapping({
 *   from: HrisEmployee,
 *   to: Employee,
 *   direction: 'both',
 *   fields: [
 *     { source: 'workEmail', target: 'work_email' },
 *     { sourcePath: ['supervisor', 'id'], target: 'manager_id' },
 *   ],
 * });
 * ```
 *
 * @throws IntegrationError INTEGRATION_SYNC_MAPPING with every problem (`details.problems`)
 */
export function defineMapping(options: MappingOptions): Mapping {
  const problems = problemsOf(options);
  if (problems.length > 0)
    throw new IntegrationError('INTEGRATION_SYNC_MAPPING', `The mapping is invalid: ${problems.join('; ')}`, {
      problems,
    });
  const { from, to, direction = 'in', fields } = options;
  const mapping: Mapping = Object.freeze({
    from,
    to,
    direction,
    forward: (record: unknown) => forward(fields, record),
    reverse: (record: unknown) => reverse(fields, record),
  });
  MAPPINGS.add(mapping);
  return mapping;
}

export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && MAPPINGS.has(value);
}

const pathOf = ({ source, sourcePath }: MappedField): readonly string[] => sourcePath ?? [source as string];

function forward(fields: readonly MappedField[], record: unknown): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  for (const field of fields) {
    const found = at(record, pathOf(field));
    const value = field.transform === undefined ? found : field.transform(found, record);
    if (value !== undefined) made[field.target] = value;
  }
  return made;
}

function reverse(fields: readonly MappedField[], record: unknown): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  for (const field of fields) {
    const found = at(record, [field.target]);
    const value = field.reverse === undefined ? found : field.reverse(found, record);
    if (value !== undefined) put(made, pathOf(field), value);
  }
  return made;
}

function at(record: unknown, path: readonly string[]): unknown {
  let found = record;
  for (const name of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined;
    found = (found as Record<string, unknown>)[name];
  }
  return found;
}

function put(made: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let within = made;
  for (const name of path.slice(0, -1)) {
    within[name] ??= {};
    within = within[name] as Record<string, unknown>;
  }
  within[path.at(-1) as string] = value;
}

const isName = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value !== '__proto__';

function problemsOf(options: MappingOptions): string[] {
  const { from, to, direction = 'in', fields } = Object(options) as MappingOptions;
  return [
    ...problemsOfUnknownNames(Object(options) as object, {
      known: ['from', 'to', 'direction', 'fields'],
      kind: 'an option of defineMapping',
    }),
    ...(isEventSchema(from) ? [] : ['from must be a schema']),
    ...(isModel(to) ? [] : ['to must be what defineModel returns']),
    ...(['in', 'out', 'both'].includes(direction) ? [] : ['direction must be one of in, out, both']),
    ...(Array.isArray(fields) && fields.length > 0
      ? problemsOfFields(fields, direction)
      : ['fields must be a list']),
  ];
}

function problemsOfFields(fields: readonly MappedField[], direction: string): string[] {
  const targets = fields.map((field) => (Object(field) as MappedField).target);
  const sources = fields.map((field) => JSON.stringify(pathOf(Object(field) as MappedField)));
  return fields.flatMap((given, i) => {
    const field = Object(given) as MappedField;
    const { source, sourcePath, target, transform, reverse } = field;
    const path = source === undefined ? sourcePath : [source];
    const goesOut = direction !== 'in';
    return [
      ...problemsOfUnknownNames(field, { known: FIELDS, kind: `a member of fields[${i}]` }),
      ...((source === undefined) !== (sourcePath === undefined) &&
      Array.isArray(path) &&
      path.length > 0 &&
      path.every(isName)
        ? []
        : [`fields[${i}] needs either source, a name, or sourcePath, a list of names`]),
      ...(isName(target) ? [] : [`fields[${i}].target must be a name`]),
      ...(targets.indexOf(target) < i ? [`two fields have the target ${JSON.stringify(target)}`] : []),
      ...(goesOut && sources.indexOf(sources[i] as string) < i
        ? [`two fields have the source ${sources[i]}, so nobody knows which one is written back`]
        : []),
      ...(goesOut && transform !== undefined && reverse === undefined
        ? [`fields[${i}] has transform and no reverse, and the mapping goes out`]
        : []),
    ];
  });
}
