import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

@Entity('shipment')
export class Shipment {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column('uuid')
  orderId!: string;
}
