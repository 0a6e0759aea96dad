import { IntegrationError } from '../errors.js';
import { isRoutePath } from '../http/route-path.js';
import { MADE_OPTION_NAMES, problemsOfAsyncOptions } from '../module/made-options.js';
import { problemsOfUnknownNames } from '../words/known-names.js';
import { isHostName } from './calls/allowed-hosts.js';
import type {
  AdminCallOptions,
  AdminMountOptions,
  IntegrationAdminAsyncOptions,
  IntegrationAdminOptions,
} from './options/admin-options.js';
import { LINK_NAMES, problemOfTemplate } from './options/link-templates.js';

type Known<T> = { readonly [K in keyof Required<T>]: true };

// The compiler reports an error here if an option is missing.
const MOUNT_NAMES: Known<AdminMountOptions> = {
  path: true,
  imports: true,
  guards: true,
  access: true,
  decorate: true,
};
const CALL_NAMES: Known<AdminCallOptions> = {
  permission: true,
  actor: true,
  mask: true,
  origins: true,
  allowedHosts: true,
  links: true,
};
const KINDS = ['page', 'read', 'write'] as const;

/** @throws IntegrationError INTEGRATION_OPTIONS_INVALID with every problem (`details.problems`) */
export function checkOptions(given: IntegrationAdminOptions): void {
  refuse([
    ...problemsOfUnknownNames(given, {
      known: [...Object.keys(MOUNT_NAMES), ...Object.keys(CALL_NAMES)],
      kind: 'an option of IntegrationAdminModule.forRoot',
    }),
    ...problemsOfMount(given),
    ...problemsOfCalls(given),
  ]);
}

/** @throws IntegrationError INTEGRATION_OPTIONS_INVALID with every problem (`details.problems`) */
export function checkAsyncOptions(given: IntegrationAdminAsyncOptions): void {
  refuse([
    ...problemsOfAsyncOptions(given, {
      method: 'IntegrationAdminModule.forRootAsync',
      kind: 'an option of IntegrationAdminModule.forRootAsync',
      own: [...Object.keys(MOUNT_NAMES), ...MADE_OPTION_NAMES],
      made: [],
    }),
    ...problemsOfMount(given),
  ]);
}

/** Checks what a factory returned, and gives it back. */
export function checkedCallOptions(given: AdminCallOptions): AdminCallOptions {
  refuse([
    ...problemsOfUnknownNames(given, {
      known: Object.keys(CALL_NAMES),
      kind: 'an option that the factory of IntegrationAdminModule may return',
    }),
    ...problemsOfCalls(given),
  ]);
  return given;
}

function problemsOfMount({ path, guards, access, decorate }: AdminMountOptions): string[] {
  return [
    ...(isRoutePath(path)
      ? []
      : ['path must be the path of the admin API without parameters, such as "ops/integration"']),
    ...problemsOfAccess(guards, access),
    ...problemsOfDecorators(decorate),
  ];
}

function problemsOfAccess(guards: unknown, access: unknown): string[] {
  if (guards !== undefined && !Array.isArray(guards)) return ['guards must be a list of guards'];
  const isGuarded = Array.isArray(guards) && guards.length > 0;
  if (access === undefined) {
    return isGuarded
      ? []
      : [
          "nobody guards the admin API: give guards, or access: 'global-guards' if global guards of the application do, or access: 'open' if everybody may use it",
        ];
  }
  if (access !== 'global-guards' && access !== 'open')
    return ["access must be 'global-guards' or 'open', or be left out where there are guards"];
  return isGuarded && access === 'open' ? ["guards and access: 'open' exclude each other: give one"] : [];
}

function problemsOfDecorators(decorate: unknown): string[] {
  if (decorate === undefined) return [];
  if (typeof decorate !== 'object' || decorate === null) return ['decorate must be { page?, read?, write? }'];
  return [
    ...problemsOfUnknownNames(decorate, { known: KINDS, prefix: 'decorate.' }),
    ...KINDS.filter((kind) => {
      const list = (decorate as Record<string, unknown>)[kind];
      return list !== undefined && !isListOf('function', list);
    }).map((kind) => `decorate.${kind} must be a list of decorators`),
  ];
}

function problemsOfCalls(given: AdminCallOptions): string[] {
  if (typeof given !== 'object' || given === null) return ['the options of the admin API must be an object'];
  const functions = ['permission', 'actor', 'mask'] as const;
  const { origins, allowedHosts } = given;
  return [
    ...functions
      .filter((name) => given[name] !== undefined && typeof given[name] !== 'function')
      .map((name) => `${name} must be a function`),
    ...(origins === undefined || (isListOf('string', origins) && origins.every(isOrigin))
      ? []
      : ['origins must be a list of origins, such as "https://ops.example.com"']),
    ...(allowedHosts === undefined || (isListOf('string', allowedHosts) && allowedHosts.every(isHostName))
      ? []
      : ['allowedHosts must be a list of names without ports, such as "ops.example.com"']),
    ...problemsOfLinks(given.links),
  ];
}

function problemsOfLinks(links: unknown): string[] {
  if (links === undefined) return [];
  if (typeof links !== 'object' || links === null) return ['links must be { trace?, log?, host? }'];
  const given = links as Readonly<Record<string, unknown>>;
  return [
    ...problemsOfUnknownNames(links, { known: LINK_NAMES, prefix: 'links.' }),
    ...LINK_NAMES.filter((name) => given[name] !== undefined).flatMap(
      (name) => problemOfTemplate(name, given[name]) ?? [],
    ),
  ];
}

function isListOf(type: 'function' | 'string', value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === type);
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

function refuse(problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw new IntegrationError(
    'INTEGRATION_OPTIONS_INVALID',
    `IntegrationAdminModule cannot be used like this: ${problems.join('; ')}`,
    { problems },
  );
}
