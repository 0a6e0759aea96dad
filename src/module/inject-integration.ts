import { Inject, type InjectionToken, type Type } from '@nestjs/common';
import { IntegrationError } from '../errors.js';
import { DEFAULT_ENGINE, problemsOfEngineName } from '../words/engine-name.js';
import { askFor } from './asked-services.module.js';
import { tokenOf } from './engine-tokens.js';
import { SERVICES } from './providers.js';

/** A service that IntegrationModule offers to the application. */
export type IntegrationService = InstanceType<(typeof SERVICES)[number]>;

/** For each token that an engine provides, the one that `@InjectIntegration` puts in its place. */
const asked = new Map<InjectionToken, symbol>();

/**
 * Injects a service of the integration with this name, in a constructor or into a property. Without a name,
 * or with `default`, it is that of the integration without a name, as without the decorator.
 *
 * ```ts
 * constructor(@InjectIntegration(OutboxService, 'billing') private readonly outbox: OutboxService) {}
 * ```
 *
 * A name that no integration of the application has fails the boot with INTEGRATION_NAME_UNKNOWN, which lists
 * those that there are.
 *
 * @throws IntegrationError INTEGRATION_OPTIONS_INVALID for what is not a service of this package, or no name
 */
export function InjectIntegration<S extends IntegrationService>(
  service: Type<S>,
  name: string = DEFAULT_ENGINE,
): PropertyDecorator & ParameterDecorator {
  const token = getIntegrationToken(service, name);
  return Inject(name === DEFAULT_ENGINE ? token : askedTokenOf(service, token, name));
}

/**
 * The token of a service of the integration with this name, for `inject` of a factory, for
 * `overrideProvider` in tests, and for `app.get(token)`.
 *
 * @throws IntegrationError INTEGRATION_OPTIONS_INVALID for what is not a service of this package, or no name
 */
export function getIntegrationToken<S extends IntegrationService>(
  service: Type<S>,
  name: string = DEFAULT_ENGINE,
): Type<S> | symbol {
  const problems = [...problemsOfService(service), ...problemsOfEngineName(name)];
  if (problems.length === 0) return tokenOf(service, name);
  throw new IntegrationError(
    'INTEGRATION_OPTIONS_INVALID',
    `@InjectIntegration cannot inject that: ${problems.join('; ')}`,
    { problems },
  );
}

/** The token that stands for a service of a named engine where it is injected. */
export function askedTokenOf(service: Type, token: InjectionToken, engine: string): symbol {
  const known = asked.get(token);
  if (known !== undefined) return known;
  const made = Symbol(`${service.name} of the integration "${engine}", where it is injected`);
  asked.set(token, made);
  askFor({ asked: made, provided: token, engine, service: service.name });
  return made;
}

function problemsOfService(service: unknown): string[] {
  const services: readonly unknown[] = SERVICES;
  if (services.includes(service)) return [];
  const given = typeof service === 'function' ? service.name : String(service);
  return [
    `${given} is not a service of IntegrationModule; there are: ${SERVICES.map(({ name }) => name).join(', ')}`,
  ];
}
