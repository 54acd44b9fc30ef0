import { expect, test } from 'vitest';
import { importDriver, MissingDriverError } from './import-driver.ts';

test('a driver that is not installed is told in one line, with the package to install and who asked for it', async () => {
  const failed = importDriver('tailrace-has-no-such-driver', 'MQ_TYPE=kafka');
  await expect(failed).rejects.toBeInstanceOf(MissingDriverError);
  await expect(failed).rejects.toThrow(
    /^the package tailrace-has-no-such-driver is not installed, and MQ_TYPE=kafka needs it: npm install tailrace-has-no-such-driver$/,
  );
});

test('a driver that is installed is imported', async () => {
  expect(await importDriver('@redis/client', 'REDIS_URL')).toHaveProperty('createClient');
});
