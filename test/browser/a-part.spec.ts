import { afterAll, describe, expect, test } from '@jest/globals';
import { type BuiltPage, buildPages, type WrittenPart, writePart } from '../support/part-of-contributing.js';
import { violationsOf } from './stage/accessibility.js';
import { openShop } from './stage/shop.js';
import { onStage } from './stage/stage.js';

/* The pages are those that CONTRIBUTING.md shows, and stand beside those of the engine. */

const LATE = '5f0c3a52-4c0e-4f6e-9f0a-6f6f6f6f6f01';

let part: WrittenPart | undefined;
let pages: BuiltPage | undefined;

const stage = onStage(async (database) => {
  part = await writePart();
  pages = buildPages();
  await database.pool.query(part.migration);
  await database.pool.query(
    `INSERT INTO integration.parcel (id, seen_at) VALUES ('${LATE}', now() - interval '9 days')`,
  );
  return openShop(database, { imports: [part.module], pageFolder: pages.folder });
}, 120_000);
afterAll(() => {
  part?.remove();
  pages?.remove();
});

describe('the pages of a part that is made of the text of CONTRIBUTING', () => {
  test('show what the part has, in a group of their own, and axe finds nothing', async () => {
    const { page } = await stage.open();
    const group = page.getByRole('list', { name: 'Parcels' });
    await group.getByRole('link', { name: 'Late parcels' }).click();
    await page.getByRole('main').getByRole('link', { name: LATE }).waitFor();
    expect(await violationsOf(page)).toEqual([]);
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.getByRole('main').getByRole('link', { name: LATE }).click();
    await page.getByRole('heading', { name: `Parcel ${LATE}` }).waitFor();
    await page.getByRole('main').getByText('Returned').waitFor();
    expect(await violationsOf(page)).toEqual([]);
  });

  test('say what is not allowed, in the words of the part', async () => {
    const { page } = await stage.open(`#/parcels/${LATE}`, {
      operator: { name: 'cy@shop.example', may: (action) => action !== ('parcels.read' as never) },
    });
    await page.getByRole('main').getByText('You (cy@shop.example) may not see parcels.').waitFor();
  });
});
