import { IntegrationError } from '../errors.js';
import { DEFAULT_ENGINE } from '../words/engine-name.js';
import { problemsOfUnknownNames } from '../words/known-names.js';

/** Options of `ContractsModule.forRoot`. */
export interface ContractsOptions {
  /**
   * What happens to a payload that does not fit, and to contracts that the boot objects to. `reject`, the
   * default, refuses them. `warn` logs a WARN and goes on: the payload is stored as it was given.
   */
  enforcement?: 'reject' | 'warn' | undefined;
  /**
   * Whether events without a contract may be published. The default is `allow`. Names that begin with
   * `integration.` are those of this package, and always may.
   */
  unknownEvents?: 'allow' | 'reject' | undefined;
  /**
   * What happens to a stored event whose version is newer than the code. `postpone`, the default, puts it off
   * until a process knows the version. `deliver` gives it to the handler as it is stored.
   */
  newerVersion?: 'postpone' | 'deliver' | undefined;
  /**
   * What happens to what upcasters return. `validate`, the default, compares it with the JSON Schema of its
   * version: a payload that does not fit makes the attempt fail with INTEGRATION_CONTRACT_UPCAST_FAILED, and
   * the handler does not get it. `trust` gives it to the handler as it is.
   */
  upcasts?: 'validate' | 'trust' | undefined;
  /**
   * The name of the integration whose events the contracts are about. The default is the one without a name.
   */
  integration?: string | undefined;
}

export type ContractsSettings = {
  readonly [K in keyof ContractsOptions]-?: NonNullable<ContractsOptions[K]>;
};

const CHOICES = {
  enforcement: ['reject', 'warn'],
  unknownEvents: ['allow', 'reject'],
  newerVersion: ['postpone', 'deliver'],
  upcasts: ['validate', 'trust'],
} as const;

/**
 * Checks the options and fills in the defaults.
 *
 * @throws IntegrationError INTEGRATION_OPTIONS_INVALID with every problem (`details.problems`)
 */
export function resolveContractsOptions(given: ContractsOptions): ContractsSettings {
  const problems = [
    ...Object.entries(CHOICES).flatMap(([name, choices]) => {
      const value = given[name as keyof typeof CHOICES];
      return value === undefined || (choices as readonly string[]).includes(value)
        ? []
        : [`${name} must be one of ${choices.join(', ')}, not ${JSON.stringify(value)}`];
    }),
    ...problemsOfUnknownNames(given, { known: [...Object.keys(CHOICES), 'integration'] }),
  ];
  if (problems.length > 0) {
    const list = problems.map((problem) => `\n- ${problem}`).join('');
    throw new IntegrationError(
      'INTEGRATION_OPTIONS_INVALID',
      `The options of ContractsModule are invalid:${list}`,
      { problems },
    );
  }
  return {
    enforcement: given.enforcement ?? 'reject',
    unknownEvents: given.unknownEvents ?? 'allow',
    newerVersion: given.newerVersion ?? 'postpone',
    upcasts: given.upcasts ?? 'validate',
    integration: given.integration ?? DEFAULT_ENGINE,
  };
}
