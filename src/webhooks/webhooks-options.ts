import { IntegrationError } from '../errors.js';
import { problemsOfUnknownNames } from '../events/known-names.js';
import type { WebhookSource } from './incoming/webhook-source.js';

export interface WebhooksModuleOptions {
  /** The path of the routes, without the global prefix. Default: `webhooks`. */
  readonly path?: string | undefined;
  /**
   * The URL under which senders reach the application, such as `https://example.com`. Sources need it whose
   * senders sign the URL. If a proxy strips a prefix from paths, it stands here too.
   */
  readonly publicUrl?: string | undefined;
  readonly incoming?: {
    readonly sources: readonly WebhookSource[];
    /** Decorators of the routes, such as one that lets them past the application's guards. */
    readonly decorate?: readonly MethodDecorator[] | undefined;
  };
}

export const WEBHOOKS_OPTIONS = Symbol('nestjs-integration:webhooks-options');

export const DEFAULT_PATH = 'webhooks';

const SEGMENT = /^[A-Za-z0-9._~-]+$/;

/** @throws IntegrationError INTEGRATION_OPTIONS_INVALID with every problem (`details.problems`) */
export function checkWebhooksOptions(given: WebhooksModuleOptions): void {
  const { path = DEFAULT_PATH, publicUrl, incoming } = given;
  const sources = incoming?.sources ?? [];
  const keys = sources.map((source) => source?.key);
  const problems = [
    ...problemsOfUnknownNames(given, {
      known: ['path', 'publicUrl', 'incoming'],
      kind: 'an option of WebhooksModule.forRoot',
    }),
    ...(incoming === undefined
      ? []
      : problemsOfUnknownNames(incoming, { known: ['sources', 'decorate'], kind: 'an option of incoming' })),
    ...(typeof path === 'string' && segmentsOf(path).every((segment) => SEGMENT.test(segment))
      ? []
      : ['path must be a path without parameters, such as "webhooks"']),
    ...(publicUrl === undefined || isHttpUrl(publicUrl)
      ? []
      : ['publicUrl must be a URL that begins with https:// or http://, without a query']),
    ...keys
      .filter((key, place) => keys.indexOf(key) < place)
      .map((key) => `there are two sources of the name ${JSON.stringify(key)}`),
    ...(publicUrl === undefined
      ? sources
          .filter((source) => source?.verify.some(({ signsUrl }) => signsUrl === true))
          .map(({ key }) => `the source ${JSON.stringify(key)} signs the URL that it calls: give publicUrl`)
      : []),
  ];
  if (problems.length === 0) return;
  throw new IntegrationError(
    'INTEGRATION_OPTIONS_INVALID',
    `WebhooksModule cannot be made: ${problems.join('; ')}`,
    { problems },
  );
}

export function segmentsOf(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '');
}

function isHttpUrl(value: unknown): boolean {
  return typeof value === 'string' && /^https?:\/\/[^?#]+$/.test(value) && URL.canParse(value);
}
