import { type AnyEventContract, isEventContract } from './event-contract.js';

/** Under this key a module that `forFeature` returned has its contracts, for the commands. */
export const CONTRACTS_OF_MODULE = Symbol.for('nestjs-integration:contracts-of-module');

/** Under this key Nest keeps what `@Module({ imports })` was given. */
const IMPORTS = 'imports';

/**
 * Finds the contracts among the exports of a file: contracts themselves, lists and objects of them, and Nest
 * modules that import `ContractsModule.forFeature([…])`, directly or through other modules.
 */
export function contractsIn(exported: object): AnyEventContract[] {
  const found = new Set<AnyEventContract>();
  const seen = new Set<unknown>();
  const look = (value: unknown): void => {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value))
      return;
    seen.add(value);
    if (isEventContract(value)) found.add(value);
    else for (const part of partsOf(value)) look(part);
  };
  for (const value of Object.values(exported)) look(value);
  return [...found];
}

function partsOf(value: object): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value === 'function') return importsOf(value);
  const {
    [CONTRACTS_OF_MODULE]: ofFeature,
    module,
    imports,
    forwardRef,
  } = value as {
    [CONTRACTS_OF_MODULE]?: unknown;
    module?: unknown;
    imports?: unknown;
    forwardRef?: unknown;
  };
  if (typeof forwardRef === 'function') return [forwardRef()];
  if (module !== undefined) return [ofFeature, module, imports];
  return Object.getPrototypeOf(value) === Object.prototype ? Object.values(value) : [];
}

function importsOf(type: object): readonly unknown[] {
  const imports: unknown = Reflect.getMetadata(IMPORTS, type);
  return Array.isArray(imports) ? imports : [];
}
