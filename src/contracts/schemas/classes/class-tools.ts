import { loadPeer } from '../../../words/optional-peer.js';

/** A rule that a decorator of class-validator has left behind. */
export interface ClassRule {
  readonly type: string;
  readonly name?: string | undefined;
  readonly propertyName: string;
  readonly constraints?: readonly unknown[] | undefined;
  readonly constraintCls?: unknown;
  /** Whether the rule is for each element of a list. */
  readonly each?: boolean | undefined;
  readonly validateIf?: unknown;
}

/** What is used of the rules of class-validator. They are the same in 0.14 and 0.15. */
export interface RuleStorage {
  getTargetValidationMetadatas(
    type: unknown,
    schema: string,
    always: boolean,
    strictGroups: boolean,
    groups?: string[],
  ): readonly ClassRule[];
  getTargetValidatorConstraints(constraint: unknown): readonly { readonly name?: string }[];
}

/** What the decorators `@Expose` and `@Exclude` of class-transformer were given. */
export interface ExposeOptions {
  readonly options?: {
    readonly name?: string;
    readonly since?: number;
    readonly until?: number;
    readonly groups?: readonly string[];
    readonly toClassOnly?: boolean;
    readonly toPlainOnly?: boolean;
  };
}

/** What the decorator `@Type` was given. */
export interface TypeOptions {
  readonly typeFunction?: (given?: unknown) => unknown;
  readonly options?: {
    readonly discriminator?: {
      readonly property: string;
      readonly subTypes: readonly { readonly value: unknown; readonly name: string }[];
    };
  };
}

/** What is used of the decorators of class-transformer. */
export interface TransformStorage {
  findTypeMetadata(type: unknown, property: string): TypeOptions | undefined;
  findTransformMetadatas(type: unknown, property: string, direction: number): readonly unknown[];
  findExposeMetadata(type: unknown, property: string): ExposeOptions | undefined;
  findExcludeMetadata(type: unknown, property: string): ExposeOptions | undefined;
  getExposedProperties(type: unknown, direction: number): readonly string[];
  getStrategy(type: unknown): string;
}

export interface ClassError {
  readonly property: string;
  readonly constraints?: Readonly<Record<string, string>>;
  readonly children?: readonly ClassError[];
}

/** What is used of class-validator and class-transformer. */
export interface ClassTools {
  validate(instance: object, options: object): Promise<readonly ClassError[]>;
  toInstance(type: unknown, value: unknown, options: object): object;
  toPlain(instance: object, options: object): unknown;
  readonly rules: RuleStorage;
  /** Whether a rule is what `@IsOptional` leaves behind. */
  isOptional(rule: ClassRule): boolean;
  /** Undefined if the decorators of class-transformer cannot be read. */
  readonly transforms: TransformStorage | undefined;
}

const NEEDED_BY = 'classSchema(…) of nestjs-integration/contracts';
const PACKAGES = ['class-validator', 'class-transformer'];
/** A variable, so that no bundler looks for a file that only reading the decorators needs. */
const STORAGE_OF_TRANSFORMER = 'class-transformer/cjs/storage.js';

/** Loads both packages. Rejects with INTEGRATION_PEER_MISSING. */
export async function loadClassTools(): Promise<ClassTools> {
  const validator = await loadPeer('class-validator', () => import('class-validator'), NEEDED_BY, PACKAGES);
  const transformer = await loadPeer(
    'class-transformer',
    () => import('class-transformer'),
    NEEDED_BY,
    PACKAGES,
  );
  const rules = validator.getMetadataStorage() as unknown as RuleStorage;
  return {
    validate: validator.validate as ClassTools['validate'],
    toInstance: transformer.plainToInstance as ClassTools['toInstance'],
    toPlain: transformer.instanceToPlain as ClassTools['toPlain'],
    rules,
    isOptional: knowsOptional(rules, validator.IsOptional()),
    transforms: await storageOf(transformer.Expose() as PropertyDecorator),
  };
}

/**
 * In 0.14 the rule of `@IsOptional` has no name. It is then known by the text of its function, which
 * `@ValidateIf` of an application does not have.
 */
function knowsOptional(rules: RuleStorage, decorate: PropertyDecorator): ClassTools['isOptional'] {
  class Sample {}
  decorate(Sample.prototype, 'value');
  const [sample] = rules.getTargetValidationMetadatas(Sample, '', false, false);
  const text = String(sample?.constraints?.[0]);
  return ({ type, name, constraints }) =>
    type === sample?.type && (name === 'isOptional' || String(constraints?.[0]) === text);
}

/**
 * class-transformer exports no way to read its decorators. Its file with them may be missing, or be another
 * copy than the one that the application decorates with, as in a bundle. A decorated sample shows that.
 */
async function storageOf(expose: PropertyDecorator): Promise<TransformStorage | undefined> {
  class Sample {}
  expose(Sample.prototype, 'value');
  try {
    const loaded = (await import(STORAGE_OF_TRANSFORMER)) as {
      defaultMetadataStorage?: TransformStorage;
      default?: { defaultMetadataStorage?: TransformStorage };
    };
    const storage = loaded.defaultMetadataStorage ?? loaded.default?.defaultMetadataStorage;
    return storage?.findExposeMetadata(Sample, 'value') === undefined ? undefined : storage;
  } catch {
    return undefined;
  }
}
