import type { JsonSchema } from '../event-schema.js';
import { demandsValue, partOf } from './class-rules.js';
import type { ClassRule, ClassTools, ExposeOptions } from './class-tools.js';
import { NOT_COMPARED, orNull, together } from './schema-parts.js';

/** How class-transformer names the direction from an instance to what is stored. */
const TO_PLAIN = 1;

/** Options of class-transformer that decide for all properties whether they are stored. */
const OPTIONS_NOT_TOLD = ['ignoreDecorators', 'excludePrefixes'];

type Transform = Readonly<Record<string, unknown>>;

interface Property {
  readonly schema: JsonSchema;
  readonly isRequired: boolean;
}

const notCompared = (...why: string[]): Property => ({ schema: { [NOT_COMPARED]: why }, isRequired: false });

/**
 * The JSON Schema of what is stored of a class with decorators of class-validator. `isClosed` says that a
 * property without a decorator is refused. What JSON Schema has no word for stands under keywords of this
 * package. A rule whose meaning is in a function stands under `x-not-compared`.
 */
export function jsonSchemaOfClass(
  type: unknown,
  tools: ClassTools,
  transform: Transform,
  isClosed: boolean,
): JsonSchema {
  return new ClassTeller(tools, transform, isClosed).root(type);
}

class ClassTeller {
  private readonly definitions: Record<string, JsonSchema> = {};
  /** The classes that are being told, the root first. */
  private readonly under: unknown[] = [];
  /** Under which name a class stands that contains itself. */
  private readonly names = new Map<unknown, string>();

  constructor(
    private readonly tools: ClassTools,
    private readonly transform: Transform,
    private readonly isClosed: boolean,
  ) {}

  root(type: unknown): JsonSchema {
    const schema = this.object(type);
    return Object.keys(this.definitions).length === 0 ? schema : { ...schema, definitions: this.definitions };
  }

  private nested(type: unknown): JsonSchema {
    if (typeof type !== 'function' || [Object, Array, Map, Set, Date].some((each) => each === type))
      return { type: 'object', [NOT_COMPARED]: ['ValidateNested without @Type of a class'] };
    if (this.under.includes(type)) return { $ref: this.referenceTo(type) };
    const schema = this.object(type);
    const name = this.names.get(type);
    if (name === undefined) return schema;
    this.definitions[name] = schema;
    return { $ref: `#/definitions/${name}` };
  }

  private referenceTo(type: unknown): string {
    if (this.under[0] === type) return '#';
    const name = this.names.get(type) ?? `part${this.names.size + 1}`;
    this.names.set(type, name);
    return `#/definitions/${name}`;
  }

  private object(type: unknown): JsonSchema {
    this.under.push(type);
    const byProperty = new Map<string, ClassRule[]>();
    for (const rule of this.tools.rules.getTargetValidationMetadatas(type, '', false, false))
      byProperty.set(rule.propertyName, [...(byProperty.get(rule.propertyName) ?? []), rule]);
    const exposed = this.tools.transforms?.getExposedProperties(type, TO_PLAIN) ?? [];
    for (const name of exposed) if (!byProperty.has(name)) byProperty.set(name, []);
    const found = [...byProperty].flatMap(([name, rules]) => {
      const property = this.property(type, name, rules);
      return property === undefined ? [] : [[name, property] as const];
    });
    this.under.pop();
    return {
      type: 'object',
      properties: Object.fromEntries(found.map(([name, { schema }]) => [name, schema])),
      required: found.flatMap(([name, { isRequired }]) => (isRequired ? [name] : [])),
      ...(this.isClosed && { additionalProperties: false }),
    };
  }

  /** Undefined if it is not stored. */
  private property(type: unknown, name: string, rules: readonly ClassRule[]): Property | undefined {
    const stored = this.howStored(type, name);
    if (stored === 'not') return undefined;
    if (stored !== 'as it is') return notCompared(stored);
    if (rules.length === 0) return notCompared('Expose');
    const conditions = rules.filter(({ type: kind }) => kind === 'conditionalValidation');
    if (conditions.some((rule) => !this.tools.isOptional(rule))) return notCompared('ValidateIf');
    if (rules.some(({ type: kind }) => kind === 'promiseValidation')) return notCompared('ValidatePromise');
    const schema = this.valueOf(type, name, rules);
    return conditions.length > 0
      ? { schema: orNull(schema), isRequired: false }
      : { schema, isRequired: rules.some(demandsValue) };
  }

  /** What class-transformer does with a property when it makes the plain object that is stored. */
  private howStored(
    type: unknown,
    name: string,
  ): 'as it is' | 'not' | 'class-transformer' | 'Expose' | 'Transform' {
    const { transforms } = this.tools;
    if (transforms === undefined || OPTIONS_NOT_TOLD.some((option) => this.transform[option] !== undefined))
      return 'class-transformer';
    if (transforms.findTransformMetadatas(type, name, TO_PLAIN).length > 0) return 'Transform';
    const expose = transforms.findExposeMetadata(type, name);
    const exclude = transforms.findExcludeMetadata(type, name);
    if (expose !== undefined && (!isPlain(expose) || exclude !== undefined)) return 'Expose';
    if (exclude !== undefined) return exclude.options?.toClassOnly === true ? 'as it is' : 'not';
    const ofClass = transforms.getStrategy(type);
    const strategy = ofClass === 'none' ? this.transform.strategy : ofClass;
    const isOnlyExposed = strategy === 'excludeAll' || this.transform.excludeExtraneousValues === true;
    return isOnlyExposed && expose === undefined ? 'not' : 'as it is';
  }

  private valueOf(type: unknown, name: string, rules: readonly ClassRule[]): JsonSchema {
    const checks = rules.filter(({ type: kind }) => kind === 'customValidation' || kind === 'isDefined');
    const parts = (isEach: boolean) =>
      checks.filter(({ each = false }) => each === isEach).map((rule) => partOf(rule, this.nameOf(rule)));
    const isNested = rules.some(({ type: kind }) => kind === 'nestedValidation');
    const element = [...parts(true), ...(isNested ? [this.typeOf(type, name)] : [])];
    const whole = together(parts(false));
    if (element.length === 0) return freely(whole);
    const isList = { type: 'array', items: freely(together(element)) };
    // class-validator takes one value in the place of a list, unless another rule wants a list.
    if (whole.type === 'array') return together([whole, isList]);
    if (whole.type !== undefined) return freely(together([whole, ...element]));
    return { anyOf: [freely(together([whole, ...element])), together([whole, isList])] };
  }

  private nameOf({ constraintCls }: ClassRule): string {
    const [found] = this.tools.rules.getTargetValidatorConstraints(constraintCls);
    return found?.name ?? 'Validate';
  }

  /** What `@Type` says of a nested object. */
  private typeOf(type: unknown, name: string): JsonSchema {
    const { typeFunction, options } = this.tools.transforms?.findTypeMetadata(type, name) ?? {};
    const { discriminator } = options ?? {};
    if (discriminator !== undefined)
      return {
        anyOf: discriminator.subTypes.map(({ value, name: kind }) =>
          withKind(this.nested(value), discriminator.property, kind),
        ),
      };
    // A function that looks at the object has no one answer.
    const isOne = typeFunction !== undefined && typeFunction.length === 0;
    return this.nested(isOne ? typeFunction() : undefined);
  }
}

/** An object of which no property is known may have any. */
function freely(schema: JsonSchema): JsonSchema {
  const isFree =
    schema.type === 'object' && schema.properties === undefined && schema.additionalProperties === undefined;
  return isFree ? { ...schema, additionalProperties: true } : schema;
}

/** class-transformer writes the kind of an object into the property that tells the kinds apart. */
function withKind(schema: JsonSchema, property: string, kind: string): JsonSchema {
  const own = { type: 'object', properties: { [property]: { const: kind } }, required: [property] };
  if (schema.properties === undefined) return { allOf: [own, schema] };
  return {
    ...schema,
    properties: { ...(schema.properties as object), ...own.properties },
    required: [...new Set([...(schema.required as string[]), property])],
  };
}

function isPlain({ options = {} }: ExposeOptions): boolean {
  const { name, since, until, groups, toClassOnly } = options;
  return [name, since, until, groups, toClassOnly].every((each) => each === undefined);
}
