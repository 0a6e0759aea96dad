import {
  type CanActivate,
  type ExecutionContext,
  type INestApplication,
  Injectable,
  Module,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { IntegrationModule } from 'nestjs-integration';
import { IntegrationAdminModule } from 'nestjs-integration/admin';

@Injectable()
class OpsGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.switchToHttp().getRequest().headers.authorization === 'Bearer ops';
  }
}

@Module({ providers: [OpsGuard], exports: [OpsGuard] })
class AuthModule {}

@Module({
  imports: [
    IntegrationModule.forRoot({ migrations: 'run' }),
    IntegrationAdminModule.forRoot({ path: 'ops', imports: [AuthModule], guards: [OpsGuard] }),
  ],
})
class AdminModule {}

const OPS = { authorization: 'Bearer ops' };
const WRITE = { ...OPS, 'content-type': 'application/json', 'x-integration-admin': 'test' };

describe.each([
  ['express', () => new ExpressAdapter()],
  ['fastify', () => new FastifyAdapter()],
] as const)('the admin API on %s', (_, adapterOf) => {
  let app: INestApplication;
  let url: string;

  beforeAll(async () => {
    app = await NestFactory.create(AdminModule, adapterOf(), { logger: ['error'] });
    app.setGlobalPrefix('api');
    await app.listen(0, '127.0.0.1');
    url = `${await app.getUrl()}/api/ops`;
  });

  afterAll(async () => {
    await app.close();
  });

  it('lets nobody in whom the guard keeps out', async () => {
    const answer = await fetch(`${url}/consumers`);
    expect(answer.status).toBe(403);
    expect(answer.headers.get('content-type')).toMatch('application/problem+json');
  });

  it('answers, and refuses forged and broken writes', async () => {
    expect((await fetch(`${url}/consumers`, { headers: OPS })).status).toBe(200);
    const pause = (headers: Record<string, string>, body: string) =>
      fetch(`${url}/consumers/nobody/pause`, { method: 'POST', headers, body });
    expect((await pause(OPS, '{}')).status).not.toBe(200);
    expect((await pause({ ...WRITE, origin: 'https://elsewhere.example' }, '{}')).status).toBe(403);
    expect((await pause(WRITE, '{}')).status).toBe(404);
    const broken = await pause(WRITE, '{');
    expect(broken.status).toBe(400);
    expect(await broken.json()).toMatchObject({ code: 'INTEGRATION_ADMIN_INVALID' });
  });

  it('serves the dashboard with all its assets, behind the same guard', async () => {
    expect((await fetch(`${url}/ui`)).status).toBe(403);
    const page = await fetch(`${url}/ui`, { headers: OPS });
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toMatch('text/html');
    expect(page.headers.get('content-security-policy')).toMatch("default-src 'none'");
    const assets = [...(await page.text()).matchAll(/(?:src|href)="(\.[^"]+)"/g)].map(
      ([, path = '']) => path,
    );
    expect(assets.length).toBeGreaterThanOrEqual(2);
    for (const path of assets) {
      const asset = await fetch(new URL(path, `${url}/ui`), { headers: OPS });
      expect([path, asset.status]).toEqual([path, 200]);
      expect(asset.headers.get('content-type')).toMatch(
        path.endsWith('.css') ? 'text/css' : 'text/javascript',
      );
      expect((await asset.text()).length).toBeGreaterThan(100);
    }
    for (const path of ['session', 'overview', 'rates'])
      expect((await fetch(`${url}/${path}`, { headers: OPS })).status).toBe(200);
  });

  it('ends its streams when the application closes', async () => {
    const stream = await fetch(`${url}/stream`, { headers: OPS });
    expect(stream.status).toBe(200);
    const began = Date.now();
    await Promise.all([stream.text(), app.close()]);
    expect(Date.now() - began).toBeLessThan(5_000);
  });
});
