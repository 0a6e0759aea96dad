import { IntegrationError } from '../errors.js';
import { type NetworkRules, problemsOfNetworkRules } from '../http/network-rules.js';
import { problemsOfUnknownNames } from '../words/known-names.js';
import { isEndpoint } from './definition/auth-checks.js';

export interface ConnectorsModuleOptions {
  /**
   * Where connections may go, and where tokens are got. Without it: by https to addresses that can be reached
   * from everywhere.
   */
  network?: NetworkRules | undefined;
  /**
   * Where a person may come back to from a provider, as whole URLs. `authorize` takes one of them, and
   * nothing else.
   */
  redirectUrls?: readonly string[] | undefined;
}

export const CONNECTORS_OPTIONS = Symbol('nestjs-integration:connectors-options');

/** @throws IntegrationError INTEGRATION_OPTIONS_INVALID with every problem (`details.problems`) */
export function checkConnectorsOptions(options: ConnectorsModuleOptions): void {
  const { network, redirectUrls } = options;
  const problems = [
    ...problemsOfUnknownNames(options, {
      known: ['network', 'redirectUrls'],
      kind: 'an option of ConnectorsModule',
    }),
    ...(network === undefined ? [] : problemsOfNetworkRules(network, 'network.')),
    ...(redirectUrls === undefined || (Array.isArray(redirectUrls) && redirectUrls.every(isEndpoint))
      ? []
      : ['redirectUrls must be a list of URLs of HTTP']),
  ];
  if (problems.length > 0)
    throw new IntegrationError(
      'INTEGRATION_OPTIONS_INVALID',
      `ConnectorsModule cannot start: ${problems.join('; ')}`,
      { problems },
    );
}
