import { IntegrationError } from '../../errors.js';

/**
 * Servers that speak the protocol of Postgres, and the parts of Postgres that they lack and the engine needs.
 */
const OTHERS: readonly [RegExp, string][] = [
  [/cockroachdb/i, 'CockroachDB has no multiranges, and no locks that tell who may still own a position'],
  [/redshift/i, 'Redshift has no LISTEN, no multiranges and no enforced keys'],
  [
    /yugabyte|-YB-/i,
    'the locks of YugabyteDB do not show which transactions may still own a position, so events would be lost',
  ],
  [
    /greenplum|cloudberry/i,
    'the segments of Greenplum do not show which transactions may still own a position',
  ],
  [/materialize|risingwave|questdb|cratedb/i, 'it is another product that speaks the protocol of Postgres'],
];

/** Throws INTEGRATION_DATABASE_UNSUPPORTED if the name of a server says that the engine cannot rely on it. */
export function refuseOtherProduct(product: string, where: () => string): void {
  const reason = OTHERS.find(([pattern]) => pattern.test(product))?.[1];
  if (reason === undefined) return;
  throw new IntegrationError(
    'INTEGRATION_DATABASE_UNSUPPORTED',
    `The server at ${where()} is not Postgres (${product.slice(0, 60)}): ${reason}. Use a Postgres of version 14 or newer`,
    { product },
  );
}
