import { plainToInstance } from 'class-transformer';
import {
  IsIn,
  IsInt,
  IsNotEmpty,
  IsOptional,
  IsString,
  IsUrl,
  Max,
  Min,
  validateSync,
} from 'class-validator';

/** What the application reads from its environment, checked at boot. */
export class Environment {
  @IsString()
  DATABASE_URL!: string;

  @IsInt()
  @Min(0)
  @Max(65_535)
  PORT: number = 3000;

  /** GitHub signs its deliveries with it. During a rotation: the new secret, a comma, the old secret. */
  @IsString()
  @IsNotEmpty()
  GITHUB_WEBHOOK_SECRET!: string;

  /** Where notifications are sent. */
  @IsUrl({ require_tld: false })
  NOTIFICATIONS_URL!: string;

  /** Where orders are paid. */
  @IsOptional()
  @IsUrl({ require_tld: false })
  PAYMENTS_URL?: string;

  /** Inner addresses that webhooks and calls may go to, by http as well: `127.0.0.1/32`, or several with commas between them. */
  @IsOptional()
  @IsString()
  WEBHOOKS_ALLOW?: string;

  /** The only ports that they may go to, with commas between them. It goes with WEBHOOKS_ALLOW. */
  @IsOptional()
  @IsString()
  WEBHOOKS_PORTS?: string;

  /** A NATS server with JetStream to which activities are relayed. Without it nothing is relayed. */
  @IsOptional()
  @IsString()
  NATS_URL?: string;

  /** `publisher` for processes that only take webhooks, `worker` for those that only run handlers. */
  @IsIn(['all', 'publisher', 'worker'])
  PROCESS_ROLE: 'all' | 'publisher' | 'worker' = 'all';

  @IsInt()
  @Min(1000)
  SUMMARY_INTERVAL_MS: number = 5000;
}

/** For `ConfigModule.forRoot`: text becomes numbers where numbers are declared, and everything wrong is named at once. */
export function validateEnvironment(variables: Record<string, unknown>): Environment {
  const environment = plainToInstance(Environment, variables, {
    enableImplicitConversion: true,
    exposeDefaultValues: true,
  });
  const problems = validateSync(environment).flatMap(({ constraints }) => Object.values(constraints ?? {}));
  if (problems.length > 0) throw new Error(`The environment is incomplete: ${problems.join('; ')}`);
  return environment;
}
