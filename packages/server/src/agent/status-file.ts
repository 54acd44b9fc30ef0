/** The name of the agent's status file in its data folder. */
export const STATUS_FILE = 'status.json';
