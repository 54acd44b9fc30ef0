/** A connection to Redis as its users see it, without the driver's types. */

export type RedisArgument = string | Buffer;

export interface RedisCommandOptions {
  readonly timeoutMs: number;
  /** Texts in the reply as bytes. */
  readonly asBytes?: boolean;
}

/** It is made with the first command, and made anew with the first one after it broke. */
export interface RedisConnection {
  /** Rises with each new connection; 0 before the first. */
  readonly epoch: number;
  /** @throws BrokerError; the command may have been carried out where that says `UNREACHABLE` or `TIMEOUT`. */
  command(args: readonly RedisArgument[], options: RedisCommandOptions): Promise<unknown>;
  /** All of the commands or none (MULTI and EXEC). @throws BrokerError */
  transaction(commands: readonly (readonly RedisArgument[])[], options: RedisCommandOptions): Promise<unknown>;
  close(): void;
}
