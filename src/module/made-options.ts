import type { FactoryProvider, InjectionToken, Provider, Type } from '@nestjs/common';
import { problemsOfUnknownNames } from '../words/known-names.js';

/** Returns the options of a module, once Nest has made what it needs. */
export interface OptionsMaker<Made> {
  create(): Made | Promise<Made>;
}

/** Where `forRootAsync` gets options from: one of `useFactory`, `useClass` and `useExisting`. */
export interface MadeOptions<Made> {
  /** The arguments of `useFactory`. */
  inject?: readonly (InjectionToken | { token: InjectionToken; optional: boolean })[] | undefined;
  useFactory?: ((...args: never[]) => Made | Promise<Made>) | undefined;
  useClass?: Type<OptionsMaker<Made>> | undefined;
  useExisting?: Type<OptionsMaker<Made>> | undefined;
}

/** The compiler reports an error here if an option is missing. */
const NAMES: { readonly [K in keyof Required<MadeOptions<unknown>>]: true } = {
  inject: true,
  useFactory: true,
  useClass: true,
  useExisting: true,
};
export const MADE_OPTION_NAMES: readonly string[] = Object.keys(NAMES);

const MAKERS = ['useFactory', 'useClass', 'useExisting'] as const;

/**
 * Checks what a `forRootAsync` was given. `own` are the names of its options, and `made` those that belong
 * into what the factory returns. `method` is its name with that of the module.
 */
export function problemsOfAsyncOptions(
  given: MadeOptions<unknown>,
  {
    method,
    kind,
    own,
    made,
  }: Readonly<Record<'own' | 'made', readonly string[]>> & Record<'method' | 'kind', string>,
): string[] {
  return [
    ...Object.keys(given)
      .filter((name) => made.includes(name) && !own.includes(name))
      .map((name) => `${name} is for what makes the options to return, not for forRootAsync itself`),
    ...problemsOfUnknownNames(given, { known: [...own, ...made], kind }),
    ...problemsOfMaker(given, method),
  ];
}

function problemsOfMaker(given: MadeOptions<unknown>, method: string): string[] {
  const made = MAKERS.filter((name) => given[name] !== undefined);
  if (made.length > 1) return [`${made.join(' and ')} exclude each other: give one`];
  return made.length === 1 ? [] : [`${method} needs one of useFactory, useClass and useExisting`];
}

/** The providers of `token`, whose value `resolve` returns for what was made. */
export function madeOptions<Made>(
  token: symbol,
  { useFactory, useClass, useExisting, inject = [] }: MadeOptions<Made>,
  resolve: (made: Made) => unknown,
): Provider[] {
  if (useFactory !== undefined) {
    const factory = useFactory as (...args: unknown[]) => Made | Promise<Made>;
    return [
      {
        provide: token,
        inject: [...inject] as NonNullable<FactoryProvider['inject']>,
        useFactory: async (...args: unknown[]) => resolve(await factory(...args)),
      },
    ];
  }
  const maker = useExisting ?? useClass;
  if (maker === undefined) return [];
  return [
    ...(useExisting === undefined ? [maker] : []),
    {
      provide: token,
      inject: [maker],
      useFactory: async (made: OptionsMaker<Made>) => resolve(await made.create()),
    },
  ];
}
