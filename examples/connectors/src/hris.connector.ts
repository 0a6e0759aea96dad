import { Injectable } from '@nestjs/common';
import {
  type ConnectionContext,
  Connector,
  ConnectorAction,
  fromConfig,
  oauth2,
} from 'nestjs-integration/connectors';
import { z } from 'zod';

const Employee = z.object({ id: z.string(), email: z.string() });
const where = 'the page for developers of the HRIS';

/** An HRIS, where a person of the tenant agrees. */
@Injectable()
@Connector({
  key: 'hris',
  name: 'HRIS',
  category: 'hr',
  auth: oauth2({
    authorizationEndpoint: fromConfig('HRIS_AUTHORIZE_URL'),
    tokenEndpoint: fromConfig('HRIS_TOKEN_URL'),
    revocationEndpoint: fromConfig('HRIS_REVOKE_URL'),
    scopes: ['employees.read'],
    clientId: fromConfig('HRIS_CLIENT_ID'),
    clientSecret: fromConfig('HRIS_CLIENT_SECRET'),
  }),
  env: [
    { name: 'HRIS_AUTHORIZE_URL', purpose: 'the page on which a person agrees', where },
    { name: 'HRIS_TOKEN_URL', purpose: 'where tokens are got', where },
    { name: 'HRIS_REVOKE_URL', purpose: 'where grants end', where },
    { name: 'HRIS_CLIENT_ID', purpose: 'who we are to the HRIS', where },
    { name: 'HRIS_CLIENT_SECRET', purpose: 'the secret of that client', where },
  ],
  http: { baseUrl: () => process.env.HRIS_URL ?? 'https://api.hris.example' },
})
export class HrisConnector {
  @ConnectorAction({
    name: 'employees.list',
    input: z.object({}),
    output: z.array(Employee),
    scopes: ['employees.read'],
    idempotent: true,
  })
  async employees(_: object, { http, progress }: ConnectionContext) {
    const employees = await http.get<unknown[]>('/v1/employees');
    progress({ done: employees.length });
    return employees;
  }
}
