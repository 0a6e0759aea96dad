import { type PageLoader, paged, type SectionGroup } from '../../section.ts';

const relays: PageLoader = async () => (await import('./relays.tsx')).RelaysPage;

export const group: SectionGroup = {
  part: 'relay',
  title: 'Brokers',
  sections: [{ key: 'relays', title: 'Relays', needs: 'relays.read', pageFor: paged(relays) }],
};
