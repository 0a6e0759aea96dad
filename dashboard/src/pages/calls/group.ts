import { type PageLoader, paged, type SectionGroup } from '../../section.ts';

const calls: PageLoader = async () => (await import('./calls.tsx')).CallsPage;
const call: PageLoader = async () => (await import('./call.tsx')).CallPage;

export const group: SectionGroup = {
  part: 'calls',
  title: 'Conversations',
  sections: [{ key: 'calls', title: 'Calls', needs: 'calls.read', pageFor: paged(calls, call) }],
};
