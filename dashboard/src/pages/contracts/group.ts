import { type PageLoader, paged, type SectionGroup } from '../../section.ts';

const contracts: PageLoader = async () => (await import('./contracts.tsx')).ContractsPage;
const contract: PageLoader = async () => (await import('./contract.tsx')).ContractPage;

export const group: SectionGroup = {
  part: 'contracts',
  title: 'Contracts',
  sections: [
    { key: 'contracts', title: 'Contracts', needs: 'contracts.read', pageFor: paged(contracts, contract) },
  ],
};
