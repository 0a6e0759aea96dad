import { problemsOfUnknownNames } from '../words/known-names.js';
import { APPLICATION_NAME } from './cloud-events/via.js';
import { RELAYS_OPTION_NAMES, type RelaysModuleOptions } from './relays-options.js';

/** What is wrong with the options of `RelaysModule`, one sentence each, without their clients. */
export function problemsOfRelaysOptions(options: RelaysModuleOptions): string[] {
  const given: unknown = options;
  if (typeof given !== 'object' || given === null)
    return ['the options must be an object, such as { relays: […] }'];
  const { relays, sources, application, source } = options;
  return [
    ...problemsOfUnknownNames(options, { known: RELAYS_OPTION_NAMES, kind: 'an option of RelaysModule' }),
    ...problemsOfRelays(relays ?? []),
    ...problemsOfSources(sources ?? []),
    ...(application === undefined || (typeof application === 'string' && APPLICATION_NAME.test(application))
      ? []
      : ['application must be a name of at most 63 letters, digits, ".", "_" and "-"']),
    ...(source === undefined || (typeof source === 'string' && source.trim() !== '')
      ? []
      : ['source must be a URI or a part of one, such as "/orders"']),
  ];
}

function problemsOfRelays(relays: unknown): string[] {
  if (!Array.isArray(relays)) return ['relays must be a list'];
  const all = relays as RelaysModuleOptions['relays'] & unknown[];
  const names = all.map((relay) => relay?.options?.name);
  return all.flatMap((relay, i) => {
    if (typeof relay?.open !== 'function')
      return [
        `relays[${i}] is no relay: use relay(…), natsRelay(…) or another function of nestjs-integration/relay`,
      ];
    const name = names[i];
    const who = typeof name === 'string' ? `relay ${JSON.stringify(name)}` : `relays[${i}]`;
    return [
      ...relay.problems.map((problem) => `${who}: ${problem}`),
      ...(name !== undefined && names.indexOf(name) < i ? [`${who}: there are two relays of this name`] : []),
    ];
  });
}

function problemsOfSources(sources: unknown): string[] {
  if (!Array.isArray(sources)) return ['sources must be a list'];
  const all = sources as RelaysModuleOptions['sources'] & unknown[];
  const names = all.map((source) => source?.options?.name);
  return all.flatMap((source, i) => {
    if (typeof source?.open !== 'function')
      return [
        `sources[${i}] is no source: use source(…), natsSource(…) or another function of nestjs-integration/relay`,
      ];
    const name = names[i];
    const who = typeof name === 'string' ? `source ${JSON.stringify(name)}` : `sources[${i}]`;
    return [
      ...source.problems.map((problem) => `${who}: ${problem}`),
      ...(name !== undefined && names.indexOf(name) < i
        ? [`${who}: there are two sources of this name`]
        : []),
    ];
  });
}
