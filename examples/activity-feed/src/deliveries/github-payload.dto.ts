import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, MaxLength, ValidateNested } from 'class-validator';

class RepositoryDto {
  @IsInt()
  id!: number;

  @IsString()
  full_name!: string;
}

class AccountDto {
  @IsInt()
  id!: number;

  @IsString()
  login!: string;
}

class SecurityAdvisoryDto {
  @IsString()
  @MaxLength(64)
  ghsa_id!: string;
}

/** The fields that decide where a delivery belongs. The rest differs from event to event, and is stored as it came. */
export class GithubPayloadDto {
  @IsOptional()
  @IsString()
  @MaxLength(100)
  action?: string;

  @IsOptional()
  @ValidateNested()
  @Type(() => RepositoryDto)
  repository?: RepositoryDto;

  @IsOptional()
  @ValidateNested()
  @Type(() => AccountDto)
  organization?: AccountDto;

  @IsOptional()
  @ValidateNested()
  @Type(() => AccountDto)
  sender?: AccountDto;

  @IsOptional()
  @ValidateNested()
  @Type(() => SecurityAdvisoryDto)
  security_advisory?: SecurityAdvisoryDto;
}
