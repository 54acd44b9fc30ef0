/** One fault of a configuration. */
export interface ConfigFault {
  /** The variable, or the path in the YAML file. */
  readonly name: string;
  /** The value as given; never that of a key. */
  readonly value?: string;
  readonly message: string;
}

/** Every fault of a configuration at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'CONFIG_INVALID';
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    super(['The configuration has faults:', ...faults.map((fault) => `  ${describeFault(fault)}`)].join('\n'));
    this.faults = faults;
  }
}

function describeFault(fault: ConfigFault): string {
  return fault.value === undefined
    ? `${fault.name} ${fault.message}`
    : `${fault.name}=${JSON.stringify(fault.value)} ${fault.message}`;
}
