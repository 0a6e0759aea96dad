/** A consumer whose handler fails for good where the aggregate is `bad`, at the second attempt. */
export const METERED = {
  eventName: 'metered',
  consumerName: 'metered',
  retry: { maxAttempts: 2 },
  handler: async ({ aggregateId }: { readonly aggregateId: string }): Promise<void> => {
    if (aggregateId === 'bad') throw new RangeError('no');
  },
};

export const meteredEvent = (aggregateId: string, more: object = {}) => ({
  eventName: 'metered',
  sourceModule: 'test',
  aggregateType: 'thing',
  aggregateId,
  ...more,
});
