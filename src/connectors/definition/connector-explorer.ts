import type { DiscoveryService } from '@nestjs/core';
import { jsonSchemaOf } from '../../contracts/standard-json-schema.js';
import type { Times } from '../../timing/timing.js';
import { connectorOf, type DecoratedMethod, decoratedMethodsOf } from './connector.decorator.js';
import type { ConnectorOptions, FoundAction, FoundConnector, FoundWebhook } from './connector.js';
import { secretsOfAuth } from './connector-auth.js';
import { problemsOfAction, problemsOfConnector } from './definition-checks.js';
import { secretsIn } from './environment.js';
import type { FoundSync } from './sync.js';
import { problemsOfSync, syncFrom } from './sync-checks.js';
import { problemsOfWebhook, problemsOfWebhooks } from './webhook-checks.js';

type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];
type Methods = Readonly<Record<string | symbol, (...given: unknown[]) => unknown>>;

/** The connectors of an application by their keys, and what is wrong with them, one sentence each. */
export interface FoundConnectors {
  readonly connectors: ReadonlyMap<string, FoundConnector>;
  readonly problems: readonly string[];
}

/**
 * Looks at all providers. What is wrong is told for all of them at once.
 *
 * @param loadTimes is called if a sync has a pattern
 */
export async function exploreConnectors(
  discovery: DiscoveryService,
  loadTimes: () => Promise<Times | undefined>,
): Promise<FoundConnectors> {
  const connectors = new Map<string, FoundConnector>();
  const problems: string[] = [];
  for (const wrapper of [...discovery.getProviders(), ...discovery.getControllers()]) {
    if (wrapper.isAlias) continue;
    // A test may have put another object in the place of the class, which stays its token.
    const options = connectorOf(wrapper.metatype) ?? connectorOf(wrapper.token);
    const methods = methodsOf(wrapper);
    if (options === undefined) {
      problems.push(...problemsWithoutConnector(wrapper, methods));
      continue;
    }
    const place = placeOf(wrapper);
    const hasPattern = methods.some(({ sync }) => sync?.schedule?.cron !== undefined);
    const times = hasPattern ? await loadTimes() : undefined;
    const wrong = [
      ...problemsOfConnector(options),
      ...problemsOfClass(wrapper),
      ...problemsOfMethods(methods, options.key),
      ...problemsOfSyncs(methods, times),
    ];
    if (wrong.length === 0) wrong.push(...(await problemsOfSecrets(options)));
    problems.push(...wrong.map((problem) => `${place}: ${problem}`));
    if (wrong.length > 0) continue;
    const other = connectors.get(options.key);
    if (other === undefined) connectors.set(options.key, connectorFrom(options, wrapper, methods, place));
    else
      problems.push(`there are two connectors ${JSON.stringify(options.key)}: ${other.place} and ${place}`);
  }
  return { connectors, problems: [...problems, ...problemsOfWebhooks([...connectors.values()])] };
}

function methodsOf({ instance, metatype, isNotMetatype }: Wrapper): DecoratedMethod[] {
  const prototype: unknown =
    typeof instance === 'object' && instance !== null
      ? Object.getPrototypeOf(instance)
      : isNotMetatype
        ? undefined
        : (metatype as { prototype?: unknown } | null)?.prototype;
  return typeof prototype === 'object' && prototype !== null && prototype !== Object.prototype
    ? decoratedMethodsOf(prototype)
    : [];
}

function placeOf({ metatype, token, host }: Wrapper): string {
  const module = host?.metatype?.name;
  const name = metatype?.name ?? (typeof token === 'function' ? token.name : 'a class');
  return `${name}${module === undefined ? '' : ` (${module})`}`;
}

/** A class that has such methods and is no connector was meant to be one. */
function problemsWithoutConnector(wrapper: Wrapper, methods: readonly DecoratedMethod[]): string[] {
  const [first] = methods;
  if (first === undefined) return [];
  return [
    `${placeOf(wrapper)}: ${String(first.name)} is a method of a connector, and the class has no @Connector`,
  ];
}

function problemsOfClass(wrapper: Wrapper): string[] {
  return wrapper.isDependencyTreeStatic() && !wrapper.isTransient
    ? []
    : ['it is made anew for each request, and a connector needs one instance: take its scope away'];
}

function problemsOfMethods(methods: readonly DecoratedMethod[], key: unknown): string[] {
  const names = methods.flatMap(({ action }) => (action === undefined ? [] : [action.name]));
  const more = (kind: string, found: readonly DecoratedMethod[]) =>
    found.length < 2
      ? []
      : [`it has ${kind} more than once: ${found.map(({ name }) => String(name)).join(', ')}`];
  return [
    ...methods.flatMap(({ name, action }) =>
      action === undefined ? [] : problemsOfAction(action).map((problem) => `${String(name)}: ${problem}`),
    ),
    ...methods.flatMap(({ name, webhook }) =>
      webhook === undefined
        ? []
        : problemsOfWebhook(webhook, key).map((problem) => `${String(name)}: ${problem}`),
    ),
    ...[...new Set(names.filter((name, i) => names.indexOf(name) < i))].map(
      (name) => `it has two actions ${JSON.stringify(name)}`,
    ),
    ...more(
      '@ConnectorValidator',
      methods.filter(({ isValidator }) => isValidator),
    ),
    ...more(
      '@ConnectorHealthCheck',
      methods.filter(({ isHealth }) => isHealth),
    ),
  ];
}

function problemsOfSyncs(methods: readonly DecoratedMethod[], times: Times | undefined): string[] {
  const keys = methods.flatMap(({ sync }) => (sync === undefined ? [] : [sync.key]));
  return [
    ...methods.flatMap(({ name, sync }) =>
      sync === undefined ? [] : problemsOfSync(sync, times).map((problem) => `${String(name)}: ${problem}`),
    ),
    ...[...new Set(keys.filter((key, i) => keys.indexOf(key) < i))].map(
      (key) => `it has two syncs ${JSON.stringify(key)}`,
    ),
  ];
}

/** What `auth` reads of the secrets must be something that connections have. */
async function problemsOfSecrets({ auth, secrets }: ConnectorOptions): Promise<string[]> {
  const needed = [...new Set([...secretsOfAuth(auth), ...secretsIn(auth.options)])];
  if (needed.length === 0) return [];
  if (secrets === undefined)
    return [`auth reads ${listed(needed)} of the secrets, and there is no option secrets`];
  const found = await jsonSchemaOf(secrets);
  const properties: unknown = found.kind === 'found' ? found.schema.properties : undefined;
  if (typeof properties !== 'object' || properties === null) return [];
  const missing = needed.filter((name) => !Object.hasOwn(properties, name));
  return missing.length === 0
    ? []
    : [`auth reads ${listed(missing)} of the secrets, which the schema secrets does not have`];
}

function listed(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(', ');
}

function connectorFrom(
  options: ConnectorOptions,
  { instance }: Wrapper,
  methods: readonly DecoratedMethod[],
  place: string,
): FoundConnector {
  const own = instance as Methods;
  const callerOf =
    (name: string | symbol) =>
    (...given: unknown[]) =>
      own[name]?.(...given);
  const actions = new Map<string, FoundAction>();
  const syncs = new Map<string, FoundSync>();
  const webhooks: FoundWebhook[] = [];
  for (const { name, action, sync, webhook } of methods) {
    const placeOfMethod = place.replace(/ \(|$/, (found) => `.${String(name)}${found}`);
    if (action !== undefined)
      actions.set(action.name, { ...action, place: placeOfMethod, run: callerOf(name) });
    if (sync !== undefined) syncs.set(sync.key, syncFrom(sync, placeOfMethod, callerOf(name)));
    if (webhook !== undefined)
      webhooks.push({
        source: webhook.source,
        types: webhook.types,
        place: placeOfMethod,
        handle: callerOf(name),
        subscribe: webhook.subscribe?.bind(own as never) as FoundWebhook['subscribe'],
        unsubscribe: webhook.unsubscribe?.bind(own as never) as FoundWebhook['unsubscribe'],
      });
  }
  const validator = methods.find(({ isValidator }) => isValidator);
  const health = methods.find(({ isHealth }) => isHealth);
  return {
    ...options,
    version: options.version ?? '1.0.0',
    direction: options.direction ?? 'both',
    place,
    actions,
    syncs,
    webhooks,
    validator: validator && callerOf(validator.name),
    health: health && callerOf(health.name),
  };
}
