import { Column, Entity, PrimaryColumn } from 'typeorm';

/** No index makes `orderId` unique: that there is one invoice for each order is the handler's doing. */
@Entity('invoice')
export class Invoice {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('uuid')
  orderId!: string;

  /** In cents. */
  @Column('integer')
  total!: number;
}
