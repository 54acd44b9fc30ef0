/** A server that tests and benchmarks talk to: where its software comes from, how it is started, and when it is ready. */
export interface Service {
  readonly name: string;
  /** Where the shared instance listens, unless `SERVICES_<NAME>_PORT` says otherwise. */
  readonly defaultPort: number;
  /** How many further ports a server takes, for its own use. @defaultValue 0 */
  readonly innerPorts?: number;
  /** What the clients connect to. */
  url(port: number): string;
  isInstalled(): boolean;
  /** Gets the software; quick when it is there. */
  install(): Promise<void>;
  /** Prepares the folder and says what to run in the foreground. Called at each start, on old data too. */
  prepare(place: Place): Promise<Command> | Command;
  /** Whether a server of this kind answers there: asked in its own protocol. */
  isReady(port: number): Promise<boolean>;
}

export interface Place {
  readonly port: number;
  readonly innerPorts: readonly number[];
  /** For the data, which outlives the process. */
  readonly dataFolder: string;
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}
