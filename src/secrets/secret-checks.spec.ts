import { describe, expect, it } from '@jest/globals';
import { SecretService } from './secret.service.js';

/** No call comes to the database. */
const secrets = new SecretService({} as never);
const NAME = { tenantId: 'acme', ownerType: 'connection', ownerId: 'c1', name: 'signing' };
const INVALID = { code: 'INTEGRATION_ADMIN_INVALID' };

describe('a secret', () => {
  it.each(['ownerType', 'ownerId', 'name'])('is not stored without %s', async (field) => {
    for (const value of ['', ' ', undefined, null, 5])
      await expect(secrets.store({ ...NAME, [field]: value } as never, 'value')).rejects.toMatchObject({
        ...INVALID,
        details: { field },
      });
  });
});

describe('eraseTenant', () => {
  it.each([undefined, null, '', ' ', 5])('refuses a tenant that is not given: %p', async (tenant) => {
    await expect(secrets.eraseTenant(tenant as never)).rejects.toMatchObject({
      ...INVALID,
      details: { field: 'tenantId' },
    });
  });
});
