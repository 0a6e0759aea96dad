import { Injectable } from '@nestjs/common';
import {
  bearer,
  type ConnectionContext,
  Connector,
  ConnectorAction,
  ConnectorHealthCheck,
  quota,
} from 'nestjs-integration/connectors';
import { z } from 'zod';

const Config = z.object({ repo: z.string().regex(/^[\w.-]+\/[\w.-]+$/) });
type Context = ConnectionContext<z.infer<typeof Config>>;
const Issue = z.object({ number: z.number(), title: z.string() });

/** GitHub, with a token that somebody has made there. */
@Injectable()
@Connector({
  key: 'github',
  name: 'GitHub',
  category: 'vcs',
  auth: bearer({ secret: 'token' }),
  secrets: z.object({ token: z.string() }),
  config: Config,
  http: {
    baseUrl: () => process.env.GITHUB_URL ?? 'https://api.github.com',
    limits: [
      quota({
        limit: 5_000,
        perMs: 3_600_000,
        remainingHeader: 'x-ratelimit-remaining',
        resetHeader: 'x-ratelimit-reset',
      }),
    ],
  },
})
export class GitHubConnector {
  @ConnectorHealthCheck()
  async health({ http }: Context) {
    await http.get('/rate_limit');
  }

  @ConnectorAction({ name: 'issues.list', input: z.object({}), output: z.array(Issue), idempotent: true })
  issues(_: object, { http, config }: Context) {
    return http.get(`/repos/${config.repo}/issues`);
  }
}
