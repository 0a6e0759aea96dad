import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { IntegrationError } from '../errors.js';
import { BROUGHT_EXTENSION } from '../module/extension.js';
import { MADE_OPTION_NAMES, madeOptions, problemsOfAsyncOptions } from '../module/made-options.js';
import { relayExtension } from './relay-extension.js';
import {
  RELAYS_OPTION_NAMES,
  RELAYS_OPTIONS,
  type RelaysModuleAsyncOptions,
  type RelaysModuleOptions,
} from './relays-options.js';
import { RelaysStart } from './relays-start.js';

/**
 * Sends events to brokers, and takes them in from there. Import it once, beside `IntegrationModule`.
 *
 * ```ts
 * RelaysModule.forRoot({
 *   relays: [natsRelay({ name: 'orders', eventName: 'order.*', jetstream, subject: (e) => e.eventName })],
 * })
 * ```
 *
 * The options and the clients are checked when the application boots, which fails with
 * INTEGRATION_RELAY_INVALID and every problem (`details.problems`).
 */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: Nest knows modules as classes
export class RelaysModule {
  static readonly [BROUGHT_EXTENSION] = relayExtension;

  static forRoot(options: RelaysModuleOptions): DynamicModule {
    return moduleWith([{ provide: RELAYS_OPTIONS, useValue: options }]);
  }

  /**
   * Does the same as `forRoot`, with options from a factory or class, for clients that providers of the
   * application make.
   *
   * @throws IntegrationError INTEGRATION_OPTIONS_INVALID with every problem (`details.problems`)
   */
  static forRootAsync(options: RelaysModuleAsyncOptions): DynamicModule {
    const problems = problemsOfAsyncOptions(options, {
      method: 'RelaysModule.forRootAsync',
      kind: 'an option of RelaysModule.forRootAsync',
      own: [...MADE_OPTION_NAMES, 'imports'],
      made: RELAYS_OPTION_NAMES,
    });
    if (problems.length > 0)
      throw new IntegrationError(
        'INTEGRATION_OPTIONS_INVALID',
        `RelaysModule cannot be made: ${problems.join('; ')}`,
        { problems },
      );
    const made = madeOptions(RELAYS_OPTIONS, options, (each) => each);
    return { ...moduleWith(made), imports: [...(options.imports ?? [])] };
  }
}

function moduleWith(options: Provider[]): DynamicModule {
  return { module: RelaysModule, providers: [...options, RelaysStart] };
}
