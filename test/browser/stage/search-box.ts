import type { Locator, Page } from 'playwright-core';

/** The box of the head, which searches everything. A long payload on the page has a search box of its own. */
export const searchBox = (page: Page): Locator => page.getByRole('searchbox', { name: /^Search: / });
