import 'reflect-metadata';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { Exclude, Expose, Transform, Type } from 'class-transformer';
import {
  Allow,
  ArrayMaxSize,
  ArrayMinSize,
  Contains,
  Equals,
  IsArray,
  IsBoolean,
  IsDate,
  IsDefined,
  IsDivisibleBy,
  IsEmail,
  IsEnum,
  IsIBAN,
  IsIn,
  IsInt,
  IsNotEmpty,
  IsNotEmptyObject,
  IsNumber,
  IsObject,
  IsOptional,
  IsPositive,
  IsString,
  IsUUID,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
  NotEquals,
  registerDecorator,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { judge } from '../../compatibility/judge.js';
import { jsonSchemaOf } from '../../standard-json-schema.js';
import { type EventSchema, type JsonSchema, prepareSchema } from '../event-schema.js';
import { type ClassSchemaOptions, classSchema } from './class-schema.js';
import { placesNotCompared } from './schema-parts.js';

type AnyClass = new () => object;

async function toldOf(type: AnyClass, options: ClassSchemaOptions = {}): Promise<JsonSchema> {
  const schema = classSchema(type, options);
  await prepareSchema(schema);
  const found = await jsonSchemaOf(schema);
  if (found.kind === 'none') throw new Error(found.why);
  return found.schema;
}

const propertyOf = async (type: AnyClass, name = 'value') =>
  ((await toldOf(type)).properties as Record<string, unknown>)[name];

/** A class with these properties and their decorators. */
function classOf(properties: Readonly<Record<string, readonly PropertyDecorator[]>>): AnyClass {
  class Sample {}
  for (const [name, decorators] of Object.entries(properties))
    for (const decorate of decorators) decorate(Sample.prototype, name);
  return Sample;
}

const classWith = (...decorators: readonly PropertyDecorator[]) => classOf({ value: decorators });

function ajvCheck(schema: JsonSchema): (value: unknown) => boolean {
  const ajv = new Ajv({ strict: false });
  (formats as unknown as { default: (ajv: Ajv) => void }).default?.(ajv) ??
    (formats as unknown as (ajv: Ajv) => void)(ajv);
  return ajv.compile(schema);
}

enum Color {
  Red = 'red',
  Blue = 'blue',
}
enum Level {
  Low,
  High,
}
class Item {
  @IsInt()
  count!: number;

  @IsOptional()
  @IsString()
  note?: string;
}
class Card {
  @IsString()
  number!: string;
}
class Transfer {
  @IsIBAN()
  iban!: string;
}
class Node {
  @IsString()
  name!: string;

  @IsOptional()
  @ValidateNested()
  @Type(() => Node)
  next?: Node;
}
class Tree {
  @ValidateNested()
  @Type(() => Node)
  first!: Node;
}

const UUID = '5f1c2a52-8a39-4a4c-9bc3-7f1c0a1b2c3d';

/** Values of which each class takes some and refuses others. */
const VALUES: readonly unknown[] = [
  ...[undefined, null, true, false, -1, 0, 1, 1.5, 3, 10, 11, '', 'a', 'ab', 'abcd', 'red', 'Low'],
  ...['a@example.com', UUID, 'DE89370400440532013000', [], ['a'], ['a', 'b', 'c'], [1, 2], ['a', 1], {}],
  ...[{ count: 1 }, { count: 1, note: null }, { count: 'x' }, [{ count: 1 }], [{ count: 1 }, { note: 'x' }]],
  ...[
    { kind: 'card', number: 'x' },
    { kind: 'card', number: 1 },
    { name: 'a', next: { name: 'b' } },
  ],
  ...[
    { name: 'a', next: { name: 1 } },
    { kind: 'transfer', iban: 'DE89370400440532013000' },
  ],
];

const byKind = Type(() => Object, {
  discriminator: {
    property: 'kind',
    subTypes: [
      { value: Card, name: 'card' },
      { value: Transfer, name: 'transfer' },
    ],
  },
});

/** Classes of which JSON Schema says all. */
const WHOLE: readonly (readonly [words: string, type: AnyClass])[] = [
  ['a text', classWith(IsString())],
  ['a text that may be absent', classWith(IsOptional(), IsString())],
  ['a length', classWith(IsString(), Length(2, 3))],
  ['a length without a type', classWith(MaxLength(2))],
  ['a pattern', classWith(Matches(/^a/))],
  ['an address', classWith(IsEmail())],
  ['a UUID', classWith(IsUUID())],
  ['a whole number within bounds', classWith(IsInt(), Min(1), Max(10))],
  ['a number above 0', classWith(IsNumber(), IsPositive())],
  ['a multiple', classWith(IsInt(), IsDivisibleBy(3))],
  ['a truth', classWith(IsBoolean())],
  ['a text that is not empty', classWith(IsString(), IsNotEmpty())],
  ['a value that is there', classWith(IsDefined(), IsIn(['a', 1, true]))],
  ['an enum of texts', classWith(IsEnum(Color))],
  ['an enum of numbers, and none', classWith(IsOptional(), IsEnum(Level))],
  ['one value', classWith(Equals('a'))],
  ['any value', classWith(Allow())],
  ['a free object', classWith(IsObject())],
  ['a free object that is not empty', classWith(IsNotEmptyObject())],
  ['a list of texts', classWith(IsArray(), IsString({ each: true }), ArrayMinSize(1), ArrayMaxSize(2))],
  ['a list of texts, or one text', classWith(IsString({ each: true }))],
  [
    'a nested object',
    classWith(
      IsObject(),
      ValidateNested(),
      Type(() => Item),
    ),
  ],
  [
    'a list of nested objects',
    classWith(
      IsArray(),
      IsDefined(),
      ValidateNested({ each: true }),
      Type(() => Item),
    ),
  ],
  [
    'nested objects, one or many',
    classWith(
      IsDefined(),
      ValidateNested({ each: true }),
      Type(() => Item),
    ),
  ],
  [
    'a nested object that contains its own kind',
    classWith(
      IsObject(),
      ValidateNested(),
      Type(() => Node),
    ),
  ],
];

describe('the JSON Schema of a class', () => {
  it.each(WHOLE)('allows what class-validator allows, and nothing else: %s', async (_, type) => {
    const schema: EventSchema = classSchema(type);
    const isTold = ajvCheck(await toldOf(type));
    const taken: unknown[] = [];
    for (const value of VALUES) {
      const payload = value === undefined ? {} : { value };
      const result = await schema['~standard'].validate(structuredClone(payload));
      if (result.issues === undefined) taken.push(value);
      // What is stored is in the schema, and what the class refuses is not.
      const looked = result.issues === undefined ? JSON.parse(JSON.stringify(result.value)) : payload;
      expect([value, isTold(looked)]).toEqual([value, result.issues === undefined]);
    }
    expect(taken.length).toBeGreaterThan(0);
    expect(placesNotCompared(await toldOf(type))).toEqual([]);
  });

  it('has a time as the text that is stored', async () => {
    const type = classWith(
      IsDate(),
      Type(() => Date),
    );
    expect(await propertyOf(type)).toEqual({ type: 'string', format: 'date-time' });
  });

  it('has the kinds of a nested object one by one', async () => {
    const type = classWith(IsObject(), ValidateNested(), byKind);
    const isTold = ajvCheck(await toldOf(type));
    const stored = await classSchema(type)['~standard'].validate({ value: { kind: 'card', number: 'x' } });
    expect(stored).toEqual({ value: { value: { kind: 'card', number: 'x' } } });
    expect(
      [
        { kind: 'card', number: 'x' },
        { kind: 'transfer', number: 'x' },
      ].map((value) => isTold({ value })),
    ).toEqual([true, false]);
  });

  it('refers to a class that contains itself, as the root and within', async () => {
    expect(await propertyOf(Node, 'next')).toEqual({
      anyOf: [{ $ref: '#' }, { type: 'array', items: { $ref: '#' } }, { type: 'null' }],
    });
    expect(await toldOf(Tree)).toMatchObject({
      definitions: { part1: { type: 'object', required: ['name'] } },
    });
    expect(judge(await toldOf(Tree), await toldOf(Tree))).toEqual({ kind: 'fits' });
  });

  it('closes objects where a property without a decorator is refused', async () => {
    expect(await toldOf(Item, { unknownProperties: 'refuse' })).toMatchObject({
      additionalProperties: false,
    });
    expect(await toldOf(Item)).not.toHaveProperty('additionalProperties');
  });

  it('has the properties of a base class', async () => {
    class Special extends Item {
      @IsBoolean()
      isSpecial!: boolean;
    }
    expect(Object.keys((await toldOf(Special)).properties as object).sort()).toEqual([
      'count',
      'isSpecial',
      'note',
    ]);
  });

  it('names a rule of class-validator that JSON Schema has no word for, with what it was given', async () => {
    expect(await propertyOf(classWith(IsIBAN()))).toEqual({
      type: 'string',
      'x-class-validator': ['isIBAN'],
    });
    expect(await propertyOf(classWith(IsString(), Contains('a')))).toEqual({
      type: 'string',
      'x-class-validator': ['contains("a")'],
    });
    const [a, b] = [await toldOf(classWith(Contains('a'))), await toldOf(classWith(Contains('b')))];
    expect([judge(a, a).kind, judge(a, b).kind]).toEqual(['fits', 'unknown']);
    expect(await toldOf(classWith(NotEquals('a')))).toMatchObject({ required: [] });
  });

  it('leaves out what class-transformer does not store', async () => {
    class Account {
      @IsString()
      name!: string;

      @Exclude()
      @IsString()
      password!: string;
    }
    expect(await toldOf(Account)).toMatchObject({
      properties: { name: { type: 'string' } },
      required: ['name'],
    });
    expect((await toldOf(Account)).properties).not.toHaveProperty('password');
  });
});

describe('what a JSON Schema of a class cannot tell', () => {
  const own: PropertyDecorator = (target, propertyName) =>
    registerDecorator({
      name: 'isOurs',
      target: target.constructor,
      propertyName: String(propertyName),
      validator: { validate: () => true },
    });

  it.each([
    ['a rule of the application', classWith(IsString(), own), 'isOurs'],
    [
      'a condition',
      classWith(
        ValidateIf(() => false),
        IsString(),
      ),
      'ValidateIf',
    ],
    ['a condition of one rule', classWith(IsString({ validateIf: () => false })), 'isString'],
    [
      'a conversion',
      classWith(
        IsString(),
        Transform(({ value }) => Number(value), { toPlainOnly: true }),
      ),
      'Transform',
    ],
    ['another name', classWith(IsString(), Expose({ name: 'other' })), 'Expose'],
    [
      'a nested object without a class',
      classWith(IsObject(), ValidateNested()),
      'ValidateNested without @Type of a class',
    ],
  ])('is named by its place: %s', async (_, type, why) => {
    expect(placesNotCompared(await toldOf(type))).toEqual([`payload.value (${why})`]);
  });

  it('is found in lists and nested objects', async () => {
    const inner = classWith(own);
    const outer = classWith(
      IsArray(),
      ValidateNested({ each: true }),
      Type(() => inner),
    );
    expect(placesNotCompared(await toldOf(outer))).toEqual(['payload.value[].value (isOurs)']);
  });
});

describe('a change of a class', () => {
  let first: JsonSchema;
  beforeAll(async () => {
    first = await toldOf(Item);
  });

  it.each([
    ['a new required property', { count: [IsInt()], more: [IsString()] }, 'payload.more'],
    ['another type', { count: [IsString()] }, 'payload.count'],
    ['a narrower bound', { count: [IsInt(), Max(5)] }, 'payload.count'],
    ['an optional property becomes required', { count: [IsInt()], note: [IsString()] }, 'payload.note'],
  ])('breaks: %s', async (_, properties, path) => {
    expect(judge(first, await toldOf(classOf(properties)))).toMatchObject({ kind: 'breaks', path });
  });

  it('fits with a new optional property and a wider type', async () => {
    const second = classOf({ count: [IsNumber()], more: [IsOptional(), IsString()] });
    expect(judge(first, await toldOf(second))).toEqual({ kind: 'fits' });
  });
});
