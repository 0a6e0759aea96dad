import { problemsOfUnknownNames } from '../../words/known-names.js';
import type { ConnectorWebhookOptions, FoundConnector } from './connector.js';
import { matches, textProblem } from './definition-checks.js';

type Given = Readonly<Record<string, unknown>>;

/** A type is a part of the names of events. */
const TYPE = /^[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,99}$/;
/** The name of a consumer has at most 127 characters: `connectors.<connector>.<source>`. */
const LONGEST_KEYS = 115;

const OPTIONS = {
  source: true,
  types: true,
  subscribe: true,
  unsubscribe: true,
} as const satisfies { readonly [K in keyof Required<ConnectorWebhookOptions>]: true };

/** What is wrong with the options of `@ConnectorWebhook`, one sentence each. */
export function problemsOfWebhook(options: unknown, connector: unknown): string[] {
  if (typeof options !== 'object' || options === null)
    return ['@ConnectorWebhook needs an object of options'];
  const given = options as Given;
  const { source, types, subscribe, unsubscribe } = given;
  return [
    ...problemsOfUnknownNames(given, { known: Object.keys(OPTIONS), kind: 'an option of @ConnectorWebhook' }),
    ...problemsOfSource(source, connector),
    ...problemsOfTypes(types),
    ...[
      ['subscribe', subscribe],
      ['unsubscribe', unsubscribe],
    ].flatMap(([name, value]) =>
      value === undefined || typeof value === 'function' ? [] : [`${String(name)} must be a function`],
    ),
    ...(unsubscribe !== undefined && subscribe === undefined
      ? ['unsubscribe without subscribe has nothing to end']
      : []),
  ];
}

function problemsOfSource(source: unknown, connector: unknown): string[] {
  const { key, secrets, verify } = Object(source) as Given;
  if (typeof key !== 'string' || !Array.isArray(verify))
    return ['source must be a source of incoming webhooks, such as what webhookSource(…) returns'];
  const letters = `${String(connector)}${key}`.length;
  return [
    ...(secrets === 'endpoint'
      ? []
      : ["source must have secrets: 'endpoint', because each connection has a secret of its own"]),
    ...(letters <= LONGEST_KEYS
      ? []
      : [
          `the keys of connector and source have ${letters} letters together, and ${LONGEST_KEYS} are allowed`,
        ]),
  ];
}

function problemsOfTypes(types: unknown): string[] {
  if (typeof types !== 'object' || types === null || Array.isArray(types) || Object.keys(types).length === 0)
    return [
      "types must be an object with the types that the method gets, such as { issues: { label: 'Issues' } }",
    ];
  return Object.entries(types).flatMap(([type, about]: [string, unknown]) => {
    const where = `types[${JSON.stringify(type.slice(0, 100))}]`;
    if (!matches(type, TYPE))
      return [`${where}: a type must have 1 to 100 letters, digits, ".", "_", ":", "/" and "-"`];
    if (typeof about !== 'object' || about === null) return [`${where} must be an object, such as {}`];
    const { label } = about as Given;
    return [
      ...problemsOfUnknownNames(about, {
        known: ['label'],
        kind: 'an option of a type',
        prefix: `${where}.`,
      }),
      ...(label === undefined ? [] : textProblem(`${where}.label`, label, 255)),
    ];
  });
}

/** The key of a source stands in the path and in the names of events, so it belongs to one webhook alone. */
export function problemsOfWebhooks(connectors: readonly FoundConnector[]): string[] {
  const places = new Map<string, string[]>();
  for (const { webhooks } of connectors)
    for (const { source, place } of webhooks)
      places.set(source.key, [...(places.get(source.key) ?? []), place]);
  return [...places].flatMap(([key, of]) =>
    of.length < 2
      ? []
      : [
          `the source ${JSON.stringify(key)} belongs to ${of.length} webhooks, and its key must be that of one: ${of.join(' and ')}. Give each source a key of its own`,
        ],
  );
}
