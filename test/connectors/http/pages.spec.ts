import { describe, expect, it } from '@jest/globals';
import type { HttpPage, PagesOptions } from '../../../src/connectors/http/pages.js';
import { type Answering, httpStage, json, status } from './stage.js';

const stage = httpStage();

/** The items of all pages, and how it ended. */
async function all(options: PagesOptions<unknown>, path = '/list') {
  const pages: HttpPage<unknown>[] = [];
  let code: string | undefined;
  try {
    for await (const page of stage.client().pages(path, options)) pages.push(page);
  } catch (error) {
    code = (error as { code?: string }).code;
  }
  return {
    items: pages.map(({ items }) => items),
    code,
    paths: stage.came.map(({ path: each }) => each),
    pages,
  };
}

/** A list of so many items, of which pages have at most `most`. */
function counted(count: number, most: number, { param = 'offset', by = 1 } = {}): Answering {
  return (came, response, number) => {
    const asked = Number(new URL(came.path, 'http://x').searchParams.get(param));
    const from = by === 1 ? asked : (asked - 1) * by;
    const items = Array.from({ length: count }, (_, n) => n).slice(from, from + most);
    json({ items, total: count }, 200)(came, response, number);
  };
}

describe('pages by a cursor', () => {
  const options = { type: 'cursor', items: 'data.items', next: 'data.next', query: { size: 2 } } as const;
  const page = (items: unknown, next?: unknown) => json({ data: { items, next } });

  it('come one after the other until there is no next one', async () => {
    for (const end of [null, undefined, '']) {
      stage.answer(page([1, 2], 'b'), page([3], 'c&d'), page([4], end));
      expect(await all(options)).toMatchObject({
        items: [[1, 2], [3], [4]],
        code: undefined,
        paths: ['/api/list?size=2', '/api/list?size=2&cursor=b', '/api/list?size=2&cursor=c%26d'],
      });
    }
  });

  it('go on behind a page without items, and one whose items are null', async () => {
    stage.answer(page([], 'b'), page(null, 'c'), page(undefined, 'd'), page([1]));
    expect((await all(options)).items).toEqual([[], [], [], [1]]);
  });

  it('that go in a circle are an error, once: A, B, A', async () => {
    stage.answer(page([1], 'A'), page([2], 'B'), page([3], 'A'));
    const { items, code, paths } = await all(options);
    expect({ items, code }).toEqual({ items: [[1], [2], [3]], code: 'INTEGRATION_PAGINATION_LOOP' });
    expect(paths).toHaveLength(3);
  });

  it('that name themselves are an error', async () => {
    stage.answer(page([1], 'A'));
    expect(await all(options)).toMatchObject({ items: [[1], [1]], code: 'INTEGRATION_PAGINATION_LOOP' });
  });

  it('are asked for when they are wanted, and can be gone on with', async () => {
    stage.answer(page([1], 'b'), page([2]));
    const pages = stage.client().pages('/list', options);
    const first = await pages.next();
    expect(first.value).toMatchObject({ items: [1], next: 'b' });
    await pages.return();
    expect(stage.came).toHaveLength(1);
    expect((await all({ ...options, after: 'b' })).items).toEqual([[2]]);
  });

  it('are sent again where they fail in passing', async () => {
    stage.answer(page([1], 'b'), status(503), page([2]));
    expect(await all(options)).toMatchObject({ items: [[1], [2]], code: undefined });
  });

  it('without a list where the items are to be are an error', async () => {
    stage.answer(json({ data: { items: 'planted' } }));
    expect(await all(options)).toMatchObject({ items: [], code: 'INTEGRATION_HTTP_FAILED' });
  });

  it('may be read by functions', async () => {
    stage.answer(json([[1], 'n']), json([[2], false]));
    const found = await all({
      type: 'cursor',
      items: (body) => (body as [unknown[], unknown])[0],
      next: (body) => (body as [unknown, string])[1],
      param: 'after',
    });
    expect(found).toMatchObject({ items: [[1], [2]], paths: ['/api/list', '/api/list?after=n'] });
  });
});

describe('pages by a link', () => {
  const link = (to: string, items: unknown = [1]) =>
    json(items, 200, to === '' ? {} : { link: `<https://other.example/>; rel="prev", <${to}>; rel="next"` });

  it('come one after the other, with links that are whole URLs or parts of them', async () => {
    stage.answer(
      link('/api/list?p=2', [1]),
      link(`${stage.url}/api/list?p=3`, []),
      link('?p=4', [3]),
      link('', [4]),
    );
    expect(await all({ type: 'link', query: { state: 'all' } })).toMatchObject({
      items: [[1], [], [3], [4]],
      code: undefined,
      paths: ['/api/list?state=all', '/api/list?p=2', '/api/list?p=3', '/api/list?p=4'],
    });
  });

  it('that go in a circle are an error: A, B, A', async () => {
    stage.answer(link('/api/list?p=B', [1]), link('/api/list', [2]), link('/api/list?p=B', [1]));
    expect(await all({ type: 'link' })).toMatchObject({
      items: [[1], [2]],
      code: 'INTEGRATION_PAGINATION_LOOP',
    });
    expect(stage.came).toHaveLength(2);
  });

  it('may have the link in the body', async () => {
    stage.answer(
      json({ items: [1], links: { next: '/api/list?p=2' } }),
      json({ items: [2], links: { next: null } }),
    );
    expect((await all({ type: 'link', items: 'items', next: 'links.next' })).items).toEqual([[1], [2]]);
  });
});

describe('pages by an offset', () => {
  it('end with the first one without items, and a short one is not the last', async () => {
    stage.answer(counted(7, 3));
    expect(await all({ type: 'offset', items: 'items', size: 5 })).toMatchObject({
      items: [[0, 1, 2], [3, 4, 5], [6], []],
      paths: [
        '/api/list?offset=0&limit=5',
        '/api/list?offset=3&limit=5',
        '/api/list?offset=6&limit=5',
        '/api/list?offset=7&limit=5',
      ],
    });
  });

  it('end where the total says so', async () => {
    stage.answer(counted(4, 2));
    expect(await all({ type: 'offset', items: 'items', total: 'total' })).toMatchObject({
      items: [
        [0, 1],
        [2, 3],
      ],
      code: undefined,
    });
  });

  it('end where the list has become shorter meanwhile', async () => {
    stage.answer(json({ items: [1, 2], total: 4 }), json({ items: [], total: 1 }));
    expect(await all({ type: 'offset', items: 'items', total: 'total' })).toMatchObject({
      items: [[1, 2], []],
    });
  });

  it('that are the same again and again are an error: the name in the query is wrong', async () => {
    stage.answer(json({ items: [1, 2] }));
    expect(await all({ type: 'offset', items: 'items' })).toMatchObject({
      items: [[1, 2]],
      code: 'INTEGRATION_PAGINATION_LOOP',
    });
  });
});

describe('pages with numbers', () => {
  it('end with the first one without items', async () => {
    stage.answer(counted(5, 2, { param: 'page', by: 2 }));
    expect(await all({ type: 'page', items: 'items', size: 2 })).toMatchObject({
      items: [[0, 1], [2, 3], [4], []],
      paths: [1, 2, 3, 4].map((n) => `/api/list?page=${n}&per_page=2`),
    });
  });

  it('end where the number of pages says so, also from zero on', async () => {
    stage.answer(json({ items: [1], pages: 2 }), json({ items: [2], pages: 2 }));
    expect(
      await all({ type: 'page', items: 'items', totalPages: 'pages', first: 0, param: 'p', sizeParam: 's' }),
    ).toMatchObject({ items: [[1], [2]], paths: ['/api/list?p=0', '/api/list?p=1'] });
  });

  it('that are the same again and again are an error', async () => {
    stage.answer(json({ items: [1] }));
    expect(await all({ type: 'page', items: 'items' })).toMatchObject({
      code: 'INTEGRATION_PAGINATION_LOOP',
    });
  });
});

it('pages refuse a type and an option that nobody knows', async () => {
  await expect(
    stage
      .client()
      .pages('/x', { type: 'pages' } as never)
      .next(),
  ).rejects.toThrow('type must be one of cursor, link, offset, page');
  await expect(
    stage
      .client()
      .pages('/x', { type: 'page', totalpages: 'x' } as never)
      .next(),
  ).rejects.toThrow('did you mean totalPages?');
});
