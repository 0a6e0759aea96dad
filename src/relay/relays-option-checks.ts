import { problemsOfUnknownNames } from '../words/known-names.js';
import { APPLICATION_NAME } from './cloud-events/via.js';
import type { RelayDefinition } from './relays/relay-definition.js';
import { RELAYS_OPTION_NAMES, type RelaysModuleOptions } from './relays-options.js';
import type { SourceDefinition } from './sources/source-definition.js';

export type Kind = 'relay' | 'source';

/** What is wrong with the options of `RelaysModule`, one sentence each, without their clients. */
export function problemsOfRelaysOptions(options: RelaysModuleOptions): string[] {
  const given: unknown = options;
  if (typeof given !== 'object' || given === null)
    return ['the options must be an object, such as { relays: […] }'];
  const { relays, sources, application, source } = options;
  return [
    ...problemsOfUnknownNames(options, { known: RELAYS_OPTION_NAMES, kind: 'an option of RelaysModule' }),
    ...problemsOfList('relay', 'natsRelay', relays ?? []),
    ...problemsOfList('source', 'natsSource', sources ?? []),
    ...(application === undefined || (typeof application === 'string' && APPLICATION_NAME.test(application))
      ? []
      : ['application must be a name of at most 63 letters, digits, ".", "_" and "-"']),
    ...(source === undefined || (typeof source === 'string' && source.trim() !== '')
      ? []
      : ['source must be a URI or a part of one, such as "/orders"']),
  ];
}

/** A relay or a source in its list, by its name if it has one. */
export function nameIn(kind: Kind, name: unknown, index: number): string {
  return typeof name === 'string' ? `${kind} ${JSON.stringify(name)}` : `${kind}s[${index}]`;
}

function problemsOfList(kind: Kind, maker: string, given: unknown): string[] {
  if (!Array.isArray(given)) return [`${kind}s must be a list`];
  const all = given as readonly (RelayDefinition | SourceDefinition | undefined)[];
  const names = all.map((each) => each?.options?.name);
  return all.flatMap((each, i) => {
    if (typeof each?.open !== 'function')
      return [
        `${kind}s[${i}] is no ${kind}: use ${kind}(…), ${maker}(…) or another function of nestjs-integration/relay`,
      ];
    const name = names[i];
    const who = nameIn(kind, name, i);
    return [
      ...each.problems.map((problem) => `${who}: ${problem}`),
      ...(name !== undefined && names.indexOf(name) < i
        ? [`${who}: there are two ${kind}s of this name`]
        : []),
    ];
  });
}
