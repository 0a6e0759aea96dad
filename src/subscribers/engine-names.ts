import { IntegrationError } from '../errors.js';
import { suggestionFor } from '../words/known-names.js';

/** The engines of this application, by name. */
export interface EngineNames {
  /** The engine that asks. */
  readonly own: string;
  /** All of them, in the order in which they were imported. */
  readonly all: readonly string[];
}

/** Token of the EngineNames. */
export const ENGINE_NAMES = Symbol('nestjs-integration:engine-names');

/** The error for a name that no engine of this application has. `place` says where it was used. */
export function unknownEngine(place: string, name: string, all: readonly string[]): IntegrationError {
  const meant =
    name === 'default'
      ? 'the integration without a name, which this application does not have: name one'
      : `the integration ${JSON.stringify(name)}, which this application does not have${suggestionFor(name, all)}`;
  const there = all.length === 0 ? 'none' : all.map((each) => JSON.stringify(each)).join(', ');
  return new IntegrationError(
    'INTEGRATION_NAME_UNKNOWN',
    `${place} asks for ${meant}. There are: ${there}. IntegrationModule.forRoot({ name }) gives the name; "default" is the one without`,
    { name, names: [...all] },
  );
}

/** The error for the name of an engine whose module has `isGlobal: false` and was not imported. */
export function hiddenEngine(place: string, name: string): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_NAME_UNKNOWN',
    `${place} asks for the integration "${name}", which has isGlobal: false. Import the module that its forRoot returned into the module of the class that asks`,
    { name },
  );
}
