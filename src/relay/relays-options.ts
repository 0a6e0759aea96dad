import type { ModuleMetadata } from '@nestjs/common';
import type { MadeOptions } from '../module/made-options.js';
import type { RelayDefinition } from './relays/relay-definition.js';
import type { SourceDefinition } from './sources/source-definition.js';

export interface RelaysModuleOptions {
  readonly relays?: readonly RelayDefinition[] | undefined;
  readonly sources?: readonly SourceDefinition[] | undefined;
  /**
   * The name of this application, the same in all its processes. Relays add it to `via`, and a source refuses
   * what has it there already, because such a message went round in a circle. Letters, digits, `.`, `_` and
   * `-`.
   */
  readonly application?: string | undefined;
  /** The `source` of the CloudEvents, a URI or a part of one. The default is `urn:nestjs-integration`. */
  readonly source?: string | undefined;
}

/** Options of `RelaysModule.forRootAsync`: one of `useFactory`, `useClass` and `useExisting`. */
export interface RelaysModuleAsyncOptions extends MadeOptions<RelaysModuleOptions> {
  /** Modules that export what is injected. */
  imports?: ModuleMetadata['imports'] | undefined;
}

export const RELAYS_OPTIONS = Symbol('nestjs-integration:relays-options');

/** The compiler reports an error here if an option is missing. */
const NAMES: { readonly [K in keyof Required<RelaysModuleOptions>]: true } = {
  relays: true,
  sources: true,
  application: true,
  source: true,
};
export const RELAYS_OPTION_NAMES: readonly string[] = Object.keys(NAMES);
