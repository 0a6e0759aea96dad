import type { IntegrationDeveloperApiService } from 'nestjs-integration';
import { expect, it, vi } from 'vitest';
import { GreetingsService } from './greetings.service.js';

it('publishes a greeting inside a transaction', async () => {
  const publish = vi.fn().mockResolvedValue({ outboxEventId: 'e1', position: 1, duplicate: false });
  const tx = {};
  const integrationApi = {
    for: () => ({ publish }),
    transaction: (work: (tx: object) => Promise<unknown>) => work(tx),
  } as unknown as IntegrationDeveloperApiService;
  expect(await new GreetingsService(integrationApi).greet('Ada')).toBe('e1');
  expect(publish).toHaveBeenCalledWith('greeting.sent', 'Ada', { name: 'Ada' }, tx);
});
