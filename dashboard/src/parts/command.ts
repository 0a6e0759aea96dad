import { type Args, addressOf, type RouteName } from '../api/client.ts';
import type { Routes } from '../api/schemas.ts';

type Options = Readonly<Record<string, string | number | undefined>>;

/** A command line of this package for a POSIX shell. Options without a value are left out. */
export function commandLine(
  name: string,
  given: readonly (string | number)[],
  options: Options = {},
): string {
  const chosen = Object.entries(options).filter(([, value]) => value !== undefined && value !== '');
  const names = given.map(String);
  return [
    `npx nestjs-integration ${name}`,
    ...chosen.map(([option, value]) => `--${option}=${quoted(String(value))}`),
    // A name that begins with a dash is no option.
    ...(names.some((each) => each.startsWith('-')) ? ['--'] : []),
    ...names.map(quoted),
  ].join(' ');
}

/** The most events that a redrive is told to send, where the form sends all. By itself the command sends 100. */
const ALL = 1_000_000_000;

/** The command that does what the form of an operation does. */
export function commandOf(
  wish: Omit<Routes['POST operations']['body'], 'reason'>,
  reason: string | undefined,
): string {
  const { kind, consumer, events = [] } = wish;
  const isNamed = events.length > 0 || wish.event !== undefined || wish.position !== undefined;
  const isOfConsumer = consumer !== undefined && (kind === 'replay' || (kind === 'discard' && !isNamed));
  const options = {
    consumer: isOfConsumer ? undefined : consumer,
    event: wish.eventNames?.join(',') ?? wish.eventName,
    'aggregate-type': wish.aggregateType,
    'aggregate-id': wish.aggregateId,
    position: wish.position,
    fingerprint: wish.fingerprint,
    from: wish.from,
    to: wish.to,
    since: wish.since,
    until: wish.until,
    limit: wish.maxEvents ?? (kind === 'redrive' && !isNamed ? ALL : undefined),
    rate: wish.rate,
    'stop-after': wish.stopAfter,
    'stop-above': wish.stopAbovePercent,
    reason,
  };
  if (isOfConsumer)
    return commandLine(kind === 'replay' ? 'replay' : 'consumers discard', [consumer], options);
  return commandLine(`dead-letters ${kind}`, wish.event === undefined ? events : [wish.event], options);
}

/**
 * A call of the admin API as a command, for what no command of this package does. It holds neither a token nor
 * a cookie: the person who runs it puts a token into TOKEN.
 */
export function curlOf<N extends RouteName>(route: N, args: Args<N>): string {
  const [method = 'GET'] = route.split(' ');
  const write = [
    `-X ${method}`,
    `-H 'Content-Type: application/json'`,
    `-H 'X-Integration-Admin: curl'`,
    `--data ${quoted(JSON.stringify(args.body ?? {}))}`,
  ];
  return [
    'curl --fail-with-body',
    ...(method === 'GET' ? [] : write),
    '-H "Authorization: Bearer $TOKEN"',
    quoted(addressOf(route, args).href),
  ].join(' ');
}

/** One word of a POSIX shell. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
