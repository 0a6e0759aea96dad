import { type PageLoader, paged, type SectionGroup } from '../../section.ts';

const secrets: PageLoader = async () => (await import('./secrets.tsx')).SecretsPage;
const keys: PageLoader = async () => (await import('./keys.tsx')).KeysPage;

export const group: SectionGroup = {
  part: 'secrets',
  title: 'Secrets',
  sections: [
    { key: 'secrets', title: 'Secrets', needs: 'secrets.read', pageFor: paged(secrets) },
    { key: 'keys', title: 'Keys', needs: 'secrets.read', pageFor: paged(keys) },
  ],
};
