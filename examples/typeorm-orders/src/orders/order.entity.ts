import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity('order')
export class Order {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text')
  customer!: string;

  /** In cents. */
  @Column('integer')
  total!: number;
}
